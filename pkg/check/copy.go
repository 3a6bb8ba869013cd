package check

import (
	"context"
	"fmt"

	"github.com/storj/twitter-stream/pkg/ledgercopy"
	"github.com/storj/twitter-stream/pkg/redact"
)

// Copy looks whether the books have a copy in root that lacks nothing. root is ""
// without one; then whether that matters depends on whether the ledger alone has
// the keys of what was uploaded. open opens the books and says by which name
// their copy goes; an error of it says that there are none yet.
func Copy(root string, onlyKeys bool, open func() (books ledgercopy.Source, name string, done func(), err error)) Check {
	return func(ctx context.Context) []Finding {
		const topic = "ledger copy"
		if root == "" && onlyKeys {
			return []Finding{{topic, Warn, "none: the ledger holds the only keys of what is on the web node", "set ledger_copy to a directory on another disk"}}
		}
		if root == "" {
			return nil
		}
		type answer struct {
			behind int64
			err    error
		}
		answers := make(chan answer, 1)
		go func() { // a file server may not answer
			books, name, done, err := open()
			if err != nil {
				answers <- answer{}
				return
			}
			defer done()
			behind, err := ledgercopy.Lacks(root, name, books)
			answers <- answer{behind, err}
		}()
		select {
		case a := <-answers:
			return []Finding{copied(root, a.behind, a.err)}
		case <-ctx.Done():
			return []Finding{{topic, Fail, redact.Text(root) + " does not answer", "look after its disk or file server; what it lacks is made up for"}}
		}
	}
}

func copied(root string, behind int64, err error) Finding {
	const topic = "ledger copy"
	switch {
	case err != nil:
		return Finding{topic, Fail, redact.Text(err.Error()), "mount its disk, or make the directory that ledger_copy names"}
	case behind > 0:
		return Finding{topic, Warn, fmt.Sprintf("%s lacks %d bytes of the books", redact.Text(root), behind), "grabber and uploader make up for it while they run"}
	}
	return Finding{Topic: topic, Text: redact.Text(root) + " has all that the books have"}
}
