package retrieve

import (
	"errors"
	"fmt"
)

func (r *run) done(out Output) {
	if out.Name == "" {
		r.sum.Empty++
	} else {
		r.sum.Files++
	}
	if out.There {
		r.sum.There++
	}
	r.sum.Bytes += out.Size
	r.sum.Messages += out.Messages
	r.sum.LeftOut += out.LeftOut
	r.cfg.Done(out)
}

func (r *run) account(j *job, err error) {
	if errors.Is(err, errTwice) {
		err = nil
	} else if err != nil {
		r.sum.Failed++
		r.cfg.Problem(j.file, err)
	}
	if err == nil && j.file.Altered() {
		r.sum.Altered++
		r.cfg.Problem(j.file, fmt.Errorf("it is what was shipped, but not what was captured: the captured book says sha256 %s, %d bytes", j.file.Captured.SHA256, j.file.Captured.Bytes))
	}
	r.cfg.Step(j.have.size)
}
