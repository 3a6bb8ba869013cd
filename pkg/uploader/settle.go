package uploader

import (
	"errors"
	"io/fs"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/store"
)

// settle decides what becomes of a file whose receipt is booked, or that a
// target refuses. The error is the store's.
func (b *booker) settle(o outcome) (booked, error) {
	held := b.u.held
	if held == nil {
		if o.refused != nil {
			return b.setAside(o, *o.refused)
		}
		return b.remove(o)
	}
	var now holding
	switch {
	case o.refused != nil:
		now = held.refuses(o.lane.index, o.content, *o.refused)
	case o.old:
		now = held.look(o.content)
	default:
		now = held.took(o.lane.index, o.content)
	}
	switch {
	case now.has == held.all && o.refused == nil:
		return b.remove(o)
	case now.refused != 0 && now.has|now.refused == held.all:
		return b.setAside(o, held.reason(o.content.name))
	}
	return booked{refused: o.refused != nil}, nil
}

// remove unlinks a file that all targets have. Its entry was opened and hashed
// by the lane that had it last.
func (b *booker) remove(o outcome) (booked, error) {
	_ = o.entry.Close() // only read; some systems remove no open file
	err := o.entry.remove()
	if failed := failure(err); failed != nil {
		return booked{}, failed
	}
	switch {
	case b.u.held == nil && err != nil && !o.old:
		b.u.old.add(o.content.receipt(o.receipt, o.t.tries, b.u.cfg.Now()))
	case b.u.held == nil:
	case err == nil, errors.Is(err, store.ErrChanged):
		b.u.held.left(o.content.name, false)
	default:
		b.u.held.stays(o.content.name)
	}
	if err == nil {
		b.u.gone(o.content.size)
	}
	return booked{err: err}, nil
}

// setAside moves a file that a target refused, while it took others, out of the
// way of all: those who do not refuse it have it.
func (b *booker) setAside(o outcome, reason store.Reason) (booked, error) {
	name := o.content.name
	_ = o.entry.Close() // only read; some systems rename no open file
	var as string
	err := o.entry.unchanged() // else it is another file, which nobody refuses
	if err == nil {
		as, err = b.u.spool.SetAside(name, reason)
	}
	log := o.lane.log.WithFields(logrus.Fields{"file": name, "attempt": o.t.tries})
	if failed := failure(err); failed != nil {
		return booked{}, failed
	}
	gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotRegular)
	switch held := b.u.held; {
	case held == nil:
	case err == nil, gone:
		held.left(name, err == nil)
	default:
		held.forgives(name) // it is tried again
	}
	switch {
	case err == nil:
		b.u.counts.rejected.Add(1)
		log.WithFields(logrus.Fields{"as": as, "err": reason.Reason}).Error("the file was set aside: the node refuses it for good")
	case gone:
		log.Debug("the file has gone")
	default:
		return booked{err: err}, nil
	}
	return booked{refused: true}, nil
}
