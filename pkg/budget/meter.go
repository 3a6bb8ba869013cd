// Package budget sums up what the posts of a month cost and stops reading when
// a month's budget is spent: it stands between a source and whoever reads it.
//
// It guarantees that the sum of a month survives a kill at any instant and is
// never below the posts that were handed out: before they are, the sum on the
// disk is raised by a reserve, so that after a kill it is too high by at most
// 32 posts, or twice what had come in a second. Posts that a kill finds in the
// buffers of a connection (some 350 KiB) were never handed out and are not in
// it, but for what the reserve covers. Months are those of UTC by the clock of
// this computer; a clock that steps has posts counted in the month that it
// shows, and loses none.
//
// What is counted is each post that is handed out. The service counts a post
// once a UTC day, however often it sends it: what is sent again after a gap
// (backfill) and dropped as stored already is not counted here either.
//
// It must not know what a message looks like, nor where the sum lies: it is
// handed in what tells a post, and what keeps a small file.
package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// leastReserve is the reserve of a slow stream. That of a fast one is what
	// comes in reserveTime, judged every paceEvery.
	leastReserve = 16
	reserveTime  = time.Second
	paceEvery    = 250 * time.Millisecond
	// keptMonths is how many months the file holds at most.
	keptMonths = 60
)

// entry is a month in the file.
type entry struct {
	Posts uint64    `json:"posts"` // the reserve included
	Since time.Time `json:"since"` // when counting began in this month
}

// file is the content of the state file.
type file struct {
	Months map[string]entry `json:"months"` // by "2026-11"
}

// meter counts the posts of each month and keeps the sum ahead of them. Its
// methods may be called from any goroutine.
type meter struct {
	now  func() time.Time
	save func([]byte) error

	mu       sync.Mutex // guards what follows
	posts    map[string]uint64
	since    map[string]time.Time
	durable  map[string]uint64 // what is on the disk, the reserve included
	reserve  uint64
	paced    uint64 // posts of all months at the last look at the pace
	unsaved  error  // why the last write failed
	progress chan struct{}
}

// ErrDamaged says that the sum of a process before this one cannot be understood:
// to begin anew would spend a budget twice, so a person has to decide.
var ErrDamaged = errors.New("the sum of the posts cannot be understood")

// newMeter takes over what a process before this one saved; found is nil where
// there is nothing.
func newMeter(found []byte, save func([]byte) error, now func() time.Time) (*meter, error) {
	m := &meter{
		now: now, save: save, reserve: leastReserve, progress: make(chan struct{}, 1),
		posts: map[string]uint64{}, since: map[string]time.Time{}, durable: map[string]uint64{},
	}
	if found == nil {
		return m, nil
	}
	var saved file
	if err := json.Unmarshal(found, &saved); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for month, e := range saved.Months {
		m.paced += e.Posts
		m.posts[month], m.since[month], m.durable[month] = e.Posts, e.Since, e.Posts
	}
	return m, nil
}

// month names that of the clock.
func (m *meter) month() string { return m.now().UTC().Format("2006-01") }

// count adds a post.
func (m *meter) count() {
	month := m.month()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begin(month)
	m.posts[month]++
	if m.posts[month]+m.reserve/2 >= m.durable[month] {
		m.wake()
	}
}

// begin notes a month that nothing has been counted in, m.mu held.
func (m *meter) begin(month string) {
	if _, known := m.since[month]; !known {
		m.since[month] = m.now().UTC()
	}
}

// ready reports whether the next post may be counted: the sum on the disk holds
// it already. Where it does not, raise is called for.
func (m *meter) ready() (ok bool, unsaved error) {
	month := m.month()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.posts[month] < m.durable[month] {
		return true, nil
	}
	m.wake()
	return false, m.unsaved
}

func (m *meter) wake() {
	select {
	case m.progress <- struct{}{}:
	default:
	}
}

// raise writes the sum with a reserve ahead of the posts of this month. Only
// one goroutine calls it.
func (m *meter) raise() error {
	month := m.month()
	m.mu.Lock()
	m.begin(month)
	sums := maps.Clone(m.posts)
	sums[month] += m.reserve
	data, err := m.encode(sums)
	m.mu.Unlock()
	if err == nil {
		err = m.save(data)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unsaved = err
	if err == nil {
		m.durable = sums
	}
	return err
}

// pace has the reserve follow the rate at which posts come. A stream that has
// become slower gets back what was reserved for a fast one.
func (m *meter) pace() {
	month := m.month()
	m.mu.Lock()
	defer m.mu.Unlock()
	var posts uint64
	for _, n := range m.posts {
		posts += n
	}
	m.reserve = max(leastReserve, (posts-m.paced)*uint64(reserveTime/paceEvery))
	m.paced = posts
	if m.durable[month] > m.posts[month]+2*m.reserve {
		m.wake()
	}
}

// settle writes the sum without a reserve: nothing more will be counted.
func (m *meter) settle() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if maps.Equal(m.posts, m.durable) {
		return nil
	}
	data, err := m.encode(m.posts)
	if err == nil {
		err = m.save(data)
	}
	return err
}

// encode returns the file's content with these sums, m.mu held.
func (m *meter) encode(sums map[string]uint64) ([]byte, error) {
	content := file{Months: map[string]entry{}}
	for month, posts := range sums {
		content.Months[month] = entry{posts, m.since[month]}
	}
	names := slices.Sorted(maps.Keys(sums))
	for _, old := range names[:max(0, len(names)-keptMonths)] {
		delete(content.Months, old)
	}
	data, err := json.Marshal(content)
	return append(data, '\n'), err
}

// sum returns the posts of the clock's month and when their counting began.
func (m *meter) sum() (month string, posts uint64, since time.Time) {
	month = m.month()
	m.mu.Lock()
	defer m.mu.Unlock()
	return month, m.posts[month], m.since[month]
}

// found reads the state file; none is fine.
func found(read func() ([]byte, error)) ([]byte, error) {
	data, err := read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}
