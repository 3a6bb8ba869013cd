package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/redact"
)

const componentKey = "component"

// record is one entry on its way to people or files.
type record struct {
	time      time.Time
	level     logrus.Level
	component string
	message   string
	fields    map[string]any
}

func recordOf(entry *logrus.Entry) record {
	r := record{time: entry.Time, level: entry.Level, message: entry.Message, fields: maps.Clone(entry.Data)}
	r.component, _ = r.fields[componentKey].(string)
	delete(r.fields, componentKey)
	return r
}

// json returns the record as a line of its file.
func (r record) json() []byte {
	line, err := r.encode(r.fields)
	if err != nil { // a field that is no JSON, such as a number that is none
		plain := map[string]any{}
		for key, value := range r.fields {
			plain[key] = fmt.Sprint(value)
		}
		line, err = r.encode(plain)
	}
	if err != nil || len(line) > maxLine {
		r.message = redact.Text(r.message)
		line, _ = r.encode(map[string]any{"cut": len(line)}) // strings and numbers always encode
	}
	return line
}

func (r record) encode(fields map[string]any) ([]byte, error) {
	data := logrus.Fields{componentKey: r.component}
	for key, value := range fields {
		if d, ok := value.(time.Duration); ok {
			value = d.String() // nanoseconds are nothing to read
		}
		data[key] = value
	}
	formatter := logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano, DisableHTMLEscape: true}
	return formatter.Format(&logrus.Entry{Data: data, Time: r.time.UTC(), Level: r.level, Message: r.message})
}

// parseRecord reads a line of a log file.
func parseRecord(line []byte) (record, error) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		return record{}, errors.New("is no log line")
	}
	text := func(key string) string {
		s, _ := fields[key].(string)
		delete(fields, key)
		return s
	}
	r := record{message: text("msg"), component: text(componentKey), fields: fields}
	var err error
	if r.time, err = time.Parse(time.RFC3339Nano, text("time")); err != nil {
		return record{}, errors.New("has no time")
	}
	if r.level, err = logrus.ParseLevel(text("level")); err != nil {
		return record{}, errors.New("has no level")
	}
	return r, nil
}
