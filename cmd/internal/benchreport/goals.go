package main

import "strconv"

// goal is a figure of a benchmark and what it should be.
type goal struct {
	what, benchmark, unit string
	sign                  int // 1: at least limit, -1: at most, 0: for information
	limit                 float64
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
	}
	text := "at least " + limit
	if or, ok := instead[g.name()]; ok {
		text += ", or " + strconv.FormatFloat(or.limit, 'g', -1, 64) + " " + or.unit
	}
	return text
}

// reached is how much of the goal a value is: it is met from 1 on.
func (g goal) reached(value float64) float64 {
	if g.sign < 0 {
		return g.limit / max(value, g.limit/1000) // of nothing at all too
	}
	return value / g.limit
}

// instead is what will do as well, by the goal's name.
var instead = map[string]other{"CaptureDisk/MB/s": {"x-dd", 0.9}}

// goals is the table, line by line. Units that begin with x- are ratios to a
// peer in the same run.
var goals = []goal{
	{"capture, plain, store in memory", "Capture", "MB/s", 1, 885},
	{"  beside curl -o, which checks nothing", "Capture", "x-curl", 1, 0.8},
	{"  beside Scanner + encoding/json to 1 MB files", "Capture", "x-scanner", 1, 4},
	{"  CPU", "Capture", "cpu-s/GB", 0, 0},
	{"  of which the sender on the same processors took, CPU", "Capture", "sender-cpu-s/GB", 0, 0},
	{"  beside a loop over requests in Python", "CaptureScripts", "x-python", 0, 0},
	{"  beside the original", "CaptureScripts", "x-original", 0, 0},
	{"capture, plain, to disk, each file synced", "CaptureDisk", "MB/s", 1, 500},
	{"  beside dd conv=fdatasync", "CaptureDisk", "x-dd", 0, 0},
	{"capture, gzip", "CaptureGzip", "MB/s", 0, 0},
	{"  beside the inflater alone on one processor", "CaptureGzip", "x-inflater", 1, 0.9},
	{"  beside zcat of the same bytes", "CaptureGzip", "x-zcat", 0, 0},
	{"Jetstream over WebSocket, 0.5 KB an event", "CaptureJetstream", "messages/s", 1, 100_000},
	{"server-sent events", "CaptureSSE", "MB/s", 1, 300},
	{"X API v2", "CaptureX", "MB/s", 0, 0},
	{"CPU at 60 messages/s", "Rate/60", "cpu-%", -1, 0.5},
	{"CPU at 5,700 messages/s", "Rate/5700", "cpu-%", -1, 5},
	{"CPU of all three, idle", "Idle", "cpu-%", -1, 0.2},
	{"socket to file at 1,000 messages/s, p50", "Latency", "p50-ms", -1, 10},
	{"socket to file at 1,000 messages/s, p99", "Latency", "p99-ms", -1, 100},
	{"start to first message stored", "Start", "start-ms", -1, 200},
	{"shipping 1 MiB files to a web node", "Ship", "files/s", 0, 0},
	{"  beside curl -Z --parallel-max 8, which verifies nothing", "Ship", "x-curl", 1, 0.6},
	{"  beside the original", "Ship", "x-original", 1, 2},
	{"shipping 1 MiB files to S3 (versitygw)", "ShipToBucket", "files/s", 0, 0},
	{"  beside rclone move", "ShipToBucket", "x-rclone", 1, 1.7},
	{"  beside rclone move, CPU", "ShipToBucket", "x-rclone-cpu", 1, 1},
	{"  beside rclone move, memory", "ShipToBucket", "x-rclone-memory", 1, 1},
	{"  beside s5cmd mv", "ShipToBucket", "x-s5cmd", 1, 1},
	{"  beside s5cmd mv, CPU", "ShipToBucket", "x-s5cmd-cpu", 1, 1},
	{"  beside s5cmd mv, memory", "ShipToBucket", "x-s5cmd-memory", 1, 1},
	{"  beside a short mover on the same library, which notes nothing", "ShipToBucket", "x-mover", 0, 0},
	{"shipping 10 KiB files to S3 (versitygw)", "ShipSmallToBucket", "files/s", 0, 0},
	{"  beside rclone move", "ShipSmallToBucket", "x-rclone", 1, 1.7},
	{"  beside rclone move, CPU", "ShipSmallToBucket", "x-rclone-cpu", 1, 1},
	{"  beside rclone move, memory", "ShipSmallToBucket", "x-rclone-memory", 1, 1},
	{"  beside s5cmd mv", "ShipSmallToBucket", "x-s5cmd", 1, 1},
	{"  beside s5cmd mv, CPU", "ShipSmallToBucket", "x-s5cmd-cpu", 1, 1},
	{"  beside s5cmd mv, memory", "ShipSmallToBucket", "x-s5cmd-memory", 1, 1},
	{"  beside a short mover on the same library, which notes nothing", "ShipSmallToBucket", "x-mover", 0, 0},
	{"fetching 1 MiB files from S3, beside rclone copy", "Fetch/s3", "x-rclone", 1, 0.8},
	{"verify a million files in the books", "Verify", "s", -1, 10},
	{"  memory", "Verify", "peak-MiB", -1, 64},
	{"a million files wait: start to first upload", "Backlog", "first-s", -1, 3},
	{"a million files wait: CPU a file beside few", "Backlog", "x-few", -1, 1.2},
	{"a million receipts: start beside a thousand", "Books", "x-start", -1, 1.5},
	{"a million receipts: daemon status beside a thousand", "Books", "x-status", -1, 1.5},
	{"memory, grabber at full rate", "Memory/GrabberFullRate", "peak-MiB", -1, 48},
	{"memory, grabber, messages of 15 MiB", "Memory/GrabberHugeMessages", "peak-MiB", -1, 48},
	{"memory, uploader, 100,000 files wait", "Memory/UploaderManyFiles", "peak-MiB", -1, 64},
	{"memory, uploader pushes 1.5 GB", "Memory/UploaderPush", "peak-MiB", -1, 64},
	{"memory, daemon", "Idle", "daemon-MiB", -1, 32},
	{"size of the three programs, stripped", "Size", "MiB", -1, 60},
}
