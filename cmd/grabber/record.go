package main

import (
	"os"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/overview"
	"github.com/storj/twitter-stream/pkg/process"
	"github.com/storj/twitter-stream/pkg/store"
)

// record goes on with the captured book where the process before this one left
// it. It comes before anything that changes the traces of that one: its status
// and its working file.
func record(spool *store.Store, log *logrus.Entry) *coverage.Recorder {
	kept, err := spool.Kept()
	if err != nil {
		log.WithError(err).Warn("what the last capture noted of itself cannot be read: its end is not known")
	}
	return coverage.NewRecorder(coverage.Config{
		PID: os.Getpid(), Boot: process.Boot(), Up: process.Uptime,
		Failed: func(err error) {
			log.WithError(err).Warn("the captured book cannot be written: it is tried again")
		},
	}, spool.CapturedBook(), kept, overview.Evidence(spool))
}
