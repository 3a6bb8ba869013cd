package main

import "strconv"

// goal is a figure of a benchmark and what it should be.
type goal struct {
	what, benchmark, unit string
	sign                  int // 1: at least limit, -1: at most, 0: for information
	limit                 float64
	or                    *other // that will do as well
}

// other is another figure of the same benchmark, at least limit.
type other struct {
	unit  string
	limit float64
}

// name is what programs that read the JSON know a goal by.
func (g goal) name() string { return g.benchmark + "/" + g.unit }

func (g goal) text() string {
	limit := strconv.FormatFloat(g.limit, 'g', -1, 64)
	switch {
	case g.sign < 0:
		return "at most " + limit
	case g.sign == 0:
		return ""
	case g.or != nil:
		return "at least " + limit + ", or " + strconv.FormatFloat(g.or.limit, 'g', -1, 64) + " " + g.or.unit
	}
	return "at least " + limit
}

// reached is how much of the goal a value is: it is met from 1 on.
func (g goal) reached(value float64) float64 {
	if g.sign < 0 {
		return g.limit / max(value, g.limit/1000) // of nothing at all too
	}
	return value / g.limit
}

// goals is the table, line by line. Units that begin with x- are ratios to a
// peer in the same run.
var goals = []goal{
	{"capture, plain, store in memory", "Capture", "MB/s", 1, 885, nil},
	{"  beside curl -o, which checks nothing", "Capture", "x-curl", 1, 0.8, nil},
	{"  beside Scanner + encoding/json to 1 MB files", "Capture", "x-scanner", 1, 4, nil},
	{"  CPU", "Capture", "cpu-s/GB", 0, 0, nil},
	{"  of which the sender on the same processors took, CPU", "Capture", "sender-cpu-s/GB", 0, 0, nil},
	{"  beside a loop over requests in Python", "CaptureScripts", "x-python", 0, 0, nil},
	{"  beside the original", "CaptureScripts", "x-original", 0, 0, nil},
	{"capture, plain, to disk, each file synced", "CaptureDisk", "MB/s", 1, 500, &other{"x-dd", 0.9}},
	{"  beside dd conv=fdatasync", "CaptureDisk", "x-dd", 0, 0, nil},
	{"capture, gzip", "CaptureGzip", "MB/s", 0, 0, nil},
	{"  beside the inflater alone on one processor", "CaptureGzip", "x-inflater", 1, 0.9, nil},
	{"  beside zcat of the same bytes", "CaptureGzip", "x-zcat", 0, 0, nil},
	{"Jetstream over WebSocket, 0.5 KB an event", "CaptureJetstream", "messages/s", 1, 100_000, nil},
	{"server-sent events", "CaptureSSE", "MB/s", 1, 300, nil},
	{"X API v2", "CaptureX", "MB/s", 0, 0, nil},
	{"CPU at 60 messages/s", "Rate/60", "cpu-%", -1, 0.5, nil},
	{"CPU at 5,700 messages/s", "Rate/5700", "cpu-%", -1, 5, nil},
	{"CPU of all three, idle", "Idle", "cpu-%", -1, 0.2, nil},
	{"socket to file at 1,000 messages/s, p50", "Latency", "p50-ms", -1, 10, nil},
	{"socket to file at 1,000 messages/s, p99", "Latency", "p99-ms", -1, 100, nil},
	{"start to first message stored", "Start", "start-ms", -1, 200, nil},
	{"shipping 1 MiB files to a web node", "Ship", "files/s", 0, 0, nil},
	{"  beside curl -Z --parallel-max 8, which verifies nothing", "Ship", "x-curl", 1, 0.6, nil},
	{"  beside the original", "Ship", "x-original", 1, 2, nil},
	{"shipping 1 MiB files to S3 (versitygw)", "ShipToBucket", "files/s", 0, 0, nil},
	{"  beside rclone move", "ShipToBucket", "x-rclone", 1, 1.7, nil},
	{"  beside rclone move, CPU", "ShipToBucket", "x-rclone-cpu", 1, 1, nil},
	{"  beside rclone move, memory", "ShipToBucket", "x-rclone-memory", 1, 1, nil},
	{"  beside s5cmd mv", "ShipToBucket", "x-s5cmd", 1, 1, nil},
	{"  beside s5cmd mv, CPU", "ShipToBucket", "x-s5cmd-cpu", 1, 1, nil},
	{"  beside s5cmd mv, memory", "ShipToBucket", "x-s5cmd-memory", 1, 1, nil},
	{"  beside a short mover on the same library, which notes nothing", "ShipToBucket", "x-mover", 0, 0, nil},
	{"shipping 10 KiB files to S3 (versitygw)", "ShipSmallToBucket", "files/s", 0, 0, nil},
	{"  beside rclone move", "ShipSmallToBucket", "x-rclone", 1, 1.7, nil},
	{"  beside rclone move, CPU", "ShipSmallToBucket", "x-rclone-cpu", 1, 1, nil},
	{"  beside rclone move, memory", "ShipSmallToBucket", "x-rclone-memory", 1, 1, nil},
	{"  beside s5cmd mv", "ShipSmallToBucket", "x-s5cmd", 1, 1, nil},
	{"  beside s5cmd mv, CPU", "ShipSmallToBucket", "x-s5cmd-cpu", 1, 1, nil},
	{"  beside s5cmd mv, memory", "ShipSmallToBucket", "x-s5cmd-memory", 1, 1, nil},
	{"  beside a short mover on the same library, which notes nothing", "ShipSmallToBucket", "x-mover", 0, 0, nil},
	{"fetching 1 MiB files from S3, beside rclone copy", "Fetch/s3", "x-rclone", 1, 0.8, nil},
	{"verify a million files in the books", "Verify", "s", -1, 10, nil},
	{"  memory", "Verify", "peak-MiB", -1, 64, nil},
	{"a million files wait: start to first upload", "Backlog", "first-s", -1, 3, nil},
	{"a million files wait: CPU a file beside few", "Backlog", "x-few", -1, 1.2, nil},
	{"a million receipts: start beside a thousand", "Books", "x-start", -1, 1.5, nil},
	{"a million receipts: daemon status beside a thousand", "Books", "x-status", -1, 1.5, nil},
	{"memory, grabber at full rate", "Memory/GrabberFullRate", "peak-MiB", -1, 48, nil},
	{"memory, grabber, messages of 15 MiB", "Memory/GrabberHugeMessages", "peak-MiB", -1, 48, nil},
	{"memory, uploader, 100,000 files wait", "Memory/UploaderManyFiles", "peak-MiB", -1, 64, nil},
	{"memory, uploader pushes 1.5 GB", "Memory/UploaderPush", "peak-MiB", -1, 64, nil},
	{"memory, daemon", "Idle", "daemon-MiB", -1, 32, nil},
	{"size of the three programs, stripped", "Size", "MiB", -1, 60, nil},
}
