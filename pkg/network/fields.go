package network

import "strings"

// What a post of X is asked for with: all that an archive needs and an
// application's token may read. Without it a post is an id and a text (X, posts
// data dictionary; the lists are those of the OpenAPI description 2.167).
const (
	postFields = "attachments,author_id,context_annotations,conversation_id,created_at,display_text_range,edit_controls," +
		"entities,geo,in_reply_to_user_id,lang,note_tweet,possibly_sensitive,public_metrics,referenced_tweets,reply_settings,source,withheld"
	postExpansions = "attachments.media_keys,attachments.poll_ids,author_id,geo.place_id,in_reply_to_user_id," +
		"entities.mentions.username,referenced_tweets.id,referenced_tweets.id.author_id"
)

// Defaults returns the parameters that a stream of that path is asked for with
// where nobody says otherwise, by name.
func (k Kind) Defaults(path string) map[string]string {
	// The streams of deletions and of likes have other fields.
	if k != X || strings.Contains(path, "/compliance/") || strings.Contains(path, "/likes/") {
		return nil
	}
	return map[string]string{"tweet.fields": postFields, "expansions": postExpansions}
}

// Post reports whether a message of X holds one: what the service counts, as
// errors and notes of its own it does not.
func (k Kind) Post(message []byte) bool {
	data := find(message, "data")
	return k == X && len(data) > 0 && (data[0] == '{' || data[0] == '[')
}
