package setup

import (
	"fmt"

	"github.com/storj/twitter-stream/pkg/redact"
)

const keyText = `
To capture Twitter's stream you need an application's key and secret. They stand
in the developer portal, https://developer.x.com, under "Keys and tokens", as
API key and API key secret (also called consumer key and secret).

`

func noticeText(keyFile, tokenFile string) string {
	return fmt.Sprintf(`Please note: the application's key and your access to Twitter are kept in plain
text on this computer, in files that only you can read:

  %s
  %s

Whoever gets them can act in the application's name. Keep them out of shared
backups and repositories. This notice is shown once.

`, keyFile, tokenFile)
}

func pageText(page string) string {
	return fmt.Sprintf(`
Open this page in a browser, allow the application, and copy the PIN that it
shows you:

  %s

`, printable(page))
}

// printable keeps a server's characters from moving the cursor; a URL is
// otherwise shown whole, since it has to be opened.
func printable(url string) string {
	var shown string
	for _, r := range url {
		shown += redact.Text(string(r))
	}
	return shown
}

func refusedText(refused error, asked bool, keyFile string) string {
	text := "Twitter refused this key: " + refused.Error() + ".\n"
	if !asked {
		text = "Twitter refused the key in " + keyFile + ": " + refused.Error() + ".\n"
	}
	if hint := hintOf(refused); hint != "" {
		text += "What helps: " + hint + ".\n"
	}
	return text
}

func count(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprint(n, " tries")
}
