package grabber

import (
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/stream"
)

// Notice is for stream.Config: it logs what the source has to say, without
// letting a flood of it through.
func (g *Grabber) Notice(kind stream.NoticeKind, text string) {
	level, sentence := logrus.WarnLevel, "the stream has something to say"
	switch kind {
	case stream.NoticeConnected:
		g.cfg.Journal.Connected()
		g.states.capturing()
		level, sentence = logrus.InfoLevel, "connected"
	case stream.NoticeGarbage:
		sentence = "a line that is no JSON object was dropped"
	case stream.NoticeValue:
		level, sentence = logrus.InfoLevel, "messages that are no JSON objects come, and are stored"
	case stream.NoticeGap:
		sentence = "what was missed cannot be had: there is a gap"
	case stream.NoticeOtherFile:
		sentence = "the file is another than the one that was being read: it is read from its beginning"
	case stream.NoticeOversize:
		sentence = "a message that is too long was skipped"
	case stream.NoticeWarning:
		sentence = "the server warns"
	case stream.NoticeDisconnect:
		sentence = "the server disconnects"
	}
	g.notices.say(level, string(kind), logrus.Fields{"text": text}, sentence)
}

// Reading is for stream.Config.Busy: the source's word on its own steps.
func (g *Grabber) Reading(limit time.Duration) (done func()) { return g.read.Busy(limit) }

// Hold is for a source that reads nothing for a while because of what it
// costs: it says so, at once and every 30 s, and status and journal show it.
// connected says whether it keeps its connection meanwhile. It may be said again
// and again.
func (g *Grabber) Hold(why string, connected bool) {
	g.states.hold(why)
	if connected {
		g.cfg.Journal.Paused(coverage.Budget)
	} else { // until the next connection, however long that takes to be made
		g.cfg.Journal.Disconnected(coverage.Budget, time.Time{})
	}
	g.held.say(logrus.ErrorLevel, "", logrus.Fields{"reason": why}, "capture pauses")
}

// Release ends a Hold.
func (g *Grabber) Release() {
	g.held.over("capture goes on")
	g.cfg.Journal.Resumed(coverage.Budget)
	g.states.release()
}

// Busy is for store.WriterConfig: the writer's word on what the disk may hold
// up. What is not writing is finishing.
func (g *Grabber) Busy(stage string, limit time.Duration) (done func()) {
	if stage == "write" {
		return g.write.Busy(limit)
	}
	return g.finish.Busy(limit)
}

// Finished is for store.WriterConfig: it counts finished files.
func (g *Grabber) Finished(name string, bytes int64) {
	g.files.Add(1)
	g.cfg.Log.WithFields(logrus.Fields{"file": name, "bytes": bytes}).Debug("file finished")
}
