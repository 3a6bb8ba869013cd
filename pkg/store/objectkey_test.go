package store

import "testing"

func TestObjectKey(t *testing.T) {
	t.Parallel()
	for _, test := range [][3]string{
		{"file:///srv/two", "", "name"}, {"s3://bucket/a/b?region=x", "a/b/dt=1/name", "dt=1/name"},
		{"s3://bucket/a/b", "dt=1/name", "dt=1/name"}, {"s3://bucket", "dt=1/name", "dt=1/name"}, {":", "x/name", "x/name"},
	} {
		if got := (Receipt{Name: "name", URL: test[0], Object: test[1]}).ObjectKey(); got != test[2] {
			t.Errorf("the key of %q at %q is %q, want %q", test[1], test[0], got, test[2])
		}
	}
}
