package sandbox

import (
	"fmt"
	"strings"
)

// words are what made-up people say. They are escaped as Twitter escaped.
var words = []string{
	"the", "lighthouse", "keeper", "counts", "every", "wave", "coffee", "before", "sunrise", "train", "delayed", "again",
	"na\\u00efve", "caf\\u00e9", "\\u00fcber", "fa\\u00e7ade", "\\u3053\\u3093\\u306b\\u3061\\u306f", "\\u0645\\u0631\\u062d\\u0628\\u0627",
	"\\u043f\\u0440\\u0438\\u0432\\u0435\\u0442", "\\ud83d\\ude02", "\\u2764\\ufe0f", "\\ud83c\\udf0a\\ud83c\\udf0a", "\\u0e2a\\u0e27\\u0e31\\u0e2a\\u0e14\\u0e35",
	"\\\"quoted\\\"", "line\\nbreak", "back\\\\slash", "R&amp;D", "5 &lt; 7", "#nowplaying", "#\\u5929\\u6c17", "@keeper_of_none", "RT", "http:\\/\\/t.co\\/wAv3s0ffsh",
	"storage", "node", "stream", "tomorrow", "somewhere", "nobody", "remembers", "why", "yet", "here", "we", "are",
}

const screenNames = 64

// newMaker builds the parts that messages are put together from.
func newMaker() *maker {
	m := &maker{}
	for i := range uint64(screenNames) {
		m.names = append(m.names, fmt.Sprintf("made_up_%s%d", words[mix(i)%12], i))
		m.users = append(m.users, makeUser(i, m.names[i]))
	}
	for i := range uint64(256) {
		m.texts = append(m.texts, sentence(i, 5+mix(i)%12))
	}
	for _, client := range []string{"web", "iPhone", "Android", "lighthouse"} {
		m.sources = append(m.sources, `\u003ca href=\"http:\/\/example.com\/`+client+`\" rel=\"nofollow\"\u003eSandbox for `+client+`\u003c\/a\u003e`)
	}
	for i := range uint64(32) {
		m.entities = append(m.entities, makeEntities(i, m.names[mix(i)%screenNames]))
	}
	return m
}

func sentence(seed, count uint64) string {
	said := make([]string, count)
	for i := range said {
		said[i] = words[mix(seed*131+uint64(i))%uint64(len(words))]
	}
	return strings.Join(said, " ")
}

func makeUser(i uint64, name string) string {
	r := mix(i + 7919)
	image := fmt.Sprintf(`http:\/\/example.com\/profile_images\/%d\/%x_normal.jpeg`, r%1e9, r)
	return fmt.Sprintf(`{"id":%[1]d,"id_str":"%[1]d","name":"%[2]s","screen_name":"%[3]s","location":"%[4]s","url":null,`+
		`"description":"%[5]s","protected":false,"verified":false,"followers_count":%[6]d,"friends_count":%[7]d,"listed_count":null,`+
		`"favourites_count":%[8]d,"statuses_count":%[9]d,"created_at":"Tue Mar 03 11:22:33 +0000 2009","utc_offset":3600,"time_zone":"Amsterdam",`+
		`"geo_enabled":true,"lang":"en","contributors_enabled":false,"is_translator":false,"profile_background_color":"C0DEED",`+
		`"profile_background_image_url":"http:\/\/example.com\/images\/themes\/theme1\/bg.png","profile_background_image_url_https":"https:\/\/example.com\/images\/themes\/theme1\/bg.png",`+
		`"profile_background_tile":false,"profile_link_color":"0084B4","profile_sidebar_border_color":"C0DEED","profile_sidebar_fill_color":"DDEEF6",`+
		`"profile_text_color":"333333","profile_use_background_image":true,"profile_image_url":"%[10]s","profile_image_url_https":"%[10]s",`+
		`"profile_banner_url":"https:\/\/example.com\/profile_banners\/%[1]d\/1397293200","default_profile":true,"default_profile_image":false,`+
		`"following":null,"follow_request_sent":null,"notifications":null}`,
		r%1e9, sentence(r, 2), name, sentence(r+1, 2), sentence(r+2, 6+r%20), r>>8%5000, r>>12%2000, r>>16%9000, r>>20%90000, image)
}

func makeEntities(i uint64, name string) string {
	tags, mentions, urls := "", "", ""
	if i%3 == 0 {
		tags = `{"text":"nowplaying","indices":[12,23]}`
	}
	if i%4 == 1 {
		mentions = fmt.Sprintf(`{"screen_name":"%[1]s","name":"%[1]s","id":%[2]d,"id_str":"%[2]d","indices":[3,18]}`, name, mix(i)%1e9)
	}
	if i%2 == 0 {
		urls = `{"url":"http:\/\/t.co\/wAv3s0ffsh","expanded_url":"http:\/\/example.com\/waves?offshore=1","display_url":"example.com\/waves?offshor\u2026","indices":[40,62]}`
	}
	return `{"hashtags":[` + tags + `],"symbols":[],"urls":[` + urls + `],"user_mentions":[` + mentions + `]}`
}
