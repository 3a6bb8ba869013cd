package main

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/check"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/setup"
)

// serverKey is not one of config.ini: stream_url is made of it.
const serverKey = "server"

// questions are what a network needs and neither a flag nor the environment
// says.
func questions(network string, values map[string]string) []setup.Question {
	valid := func(key string) func(string) error {
		return func(answer string) error { return config.Check(key, answer) }
	}
	var list []setup.Question
	ask := func(key string, q setup.Question) {
		if _, given := values[key]; given || os.Getenv(config.Variable(key)) != "" {
			return
		}
		list = append(list, q)
	}
	switch network {
	case "wikimedia":
		ask("stream_contact", setup.Question{
			Key: "stream_contact", Prompt: "Your address: ", Check: valid("stream_contact"),
			About: "Wikimedia wants to know how to reach whoever reads its streams: the address of a\npage or a mailbox of yours. It is sent with each request.",
		})
	case "mastodon":
		ask("stream_url", setup.Question{
			Key: serverKey, Prompt: "Server: ", Check: func(answer string) error { return config.Check("stream_url", serverURL(answer)) },
			About: "The Mastodon server on which you have an account, such as mastodon.social.",
		})
		ask("stream_token", setup.Question{
			Key: "stream_token", Prompt: "Access token (it is not shown): ", Secret: true, Check: valid("stream_token"),
			About: "On that server: Preferences, Development, New application, with the scope \"read\".\nThen open it and copy \"Your access token\".",
		})
	}
	return list
}

func serverURL(host string) string {
	if strings.Contains(host, "://") {
		return strings.TrimRight(host, "/")
	}
	return "https://" + host
}

// finishAnswers puts the answers to the other values.
func finishAnswers(ctx context.Context, answers, values map[string]string) error {
	for key, answer := range answers {
		if key != serverKey {
			values[key] = answer
			continue
		}
		client := &http.Client{Timeout: tryTime}
		stream, err := check.MastodonStream(ctx, client, serverURL(answer))
		if err != nil {
			return &app.ConfigError{Err: err, Advice: "check the server's name and the network, then begin anew"}
		}
		values["stream_url"] = stream
	}
	return nil
}
