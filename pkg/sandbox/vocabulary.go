package sandbox

import (
	"fmt"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

const screenNames = 64

// newMaker builds the parts that messages are put together from.
func newMaker() *maker {
	m := &maker{}
	for i := range uint64(screenNames) {
		m.names = append(m.names, fmt.Sprintf("made_up_%s%d", madeup.Word(madeup.Mix(i)), i))
		m.users = append(m.users, makeUser(i, m.names[i]))
	}
	for i := range uint64(256) {
		m.texts = append(m.texts, madeup.Sentence(i, 5+madeup.Mix(i)%12))
	}
	for _, client := range []string{"web", "iPhone", "Android", "lighthouse"} {
		m.sources = append(m.sources, `\u003ca href=\"http:\/\/example.com\/`+client+`\" rel=\"nofollow\"\u003eSandbox for `+client+`\u003c\/a\u003e`)
	}
	for i := range uint64(32) {
		m.entities = append(m.entities, makeEntities(i, m.names[madeup.Mix(i)%screenNames]))
	}
	return m
}

func makeUser(i uint64, name string) string {
	r := madeup.Mix(i + 7919)
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
		r%1e9, madeup.Sentence(r, 2), name, madeup.Sentence(r+1, 2), madeup.Sentence(r+2, 6+r%20), r>>8%5000, r>>12%2000, r>>16%9000, r>>20%90000, image)
}

func makeEntities(i uint64, name string) string {
	tags, mentions, urls := "", "", ""
	if i%3 == 0 {
		tags = `{"text":"nowplaying","indices":[12,23]}`
	}
	if i%4 == 1 {
		mentions = fmt.Sprintf(`{"screen_name":"%[1]s","name":"%[1]s","id":%[2]d,"id_str":"%[2]d","indices":[3,18]}`, name, madeup.Mix(i)%1e9)
	}
	if i%2 == 0 {
		urls = `{"url":"http:\/\/t.co\/wAv3s0ffsh","expanded_url":"http:\/\/example.com\/waves?offshore=1","display_url":"example.com\/waves?offshor\u2026","indices":[40,62]}`
	}
	return `{"hashtags":[` + tags + `],"symbols":[],"urls":[` + urls + `],"user_mentions":[` + mentions + `]}`
}
