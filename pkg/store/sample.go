package store

import (
	"container/heap"
	"slices"
)

// smallest keeps the limit smallest of the names that it is offered, each once.
type smallest struct {
	limit int
	names maxHeap
	in    map[string]struct{}
}

// wants reports whether offer would keep the name.
func (s *smallest) wants(name string) bool {
	if len(s.names) < s.limit {
		return true
	}
	return s.limit > 0 && name < s.names[0]
}

// offer returns the name that did not stay, if one did not.
func (s *smallest) offer(name string) (left string, full bool) {
	if _, twice := s.in[name]; twice {
		return "", false
	}
	if !s.wants(name) {
		return name, true
	}
	if s.in == nil {
		s.in = map[string]struct{}{}
	}
	s.in[name] = struct{}{}
	heap.Push(&s.names, name)
	if len(s.names) <= s.limit {
		return "", false
	}
	left = heap.Pop(&s.names).(string)
	delete(s.in, left)
	return left, true
}

func (s *smallest) sorted() []string { return slices.Sorted(slices.Values(s.names)) }

// maxHeap is a heap whose first name is the greatest.
type maxHeap []string

func (h maxHeap) Len() int           { return len(h) }
func (h maxHeap) Less(i, j int) bool { return h[i] > h[j] }
func (h maxHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *maxHeap) Push(name any)     { *h = append(*h, name.(string)) }

func (h *maxHeap) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = ""
	*h = (*h)[:len(*h)-1]
	return last
}

// sample keeps every stride-th of the names that it is offered, all of them
// up to maxSample.
type sample struct {
	names   []string
	stride  int
	offered int
}

const maxSample = 10_000

func (s *sample) offer(name string) {
	if s.offered%s.stride == 0 {
		if len(s.names) == maxSample {
			for i := range maxSample / 2 {
				s.names[i] = s.names[2*i]
			}
			s.names, s.stride = s.names[:maxSample/2], 2*s.stride
		}
		if s.offered%s.stride == 0 {
			s.names = append(s.names, name)
		}
	}
	s.offered++
}
