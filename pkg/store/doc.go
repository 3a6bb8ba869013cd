// Package store is the store directory: the one contract between grabber,
// uploader and daemon, and its only implementation.
//
// It must not know where messages come from, where files go, or what a process
// says of itself: it sees bytes, names and sizes.
//
// # Layout
//
//	store/                                mode 0700, everything in it 0600
//	  grabber.dat                         working file: whole lines, appended
//	  .<finished name>                    cut and being finished
//	  .recovering.tmp                     what recovery rewrites a file to
//	  .<finished name>.zst                packed, beside it or instead of it
//	  <prefix><time>-<counter>.jsonl      finished: complete, durable, immutable;
//	                                      .jsonl.gz and .jsonl.zst are packed
//	  ledger/<YYYY-MM>.jsonl              one receipt a line
//	  ledger/captured-<YYYY-MM>.ndjson    the captured book (see pkg/coverage)
//	  rejected/<name>                     refused for good, or damaged,
//	  rejected/<name>.reason.json         and why
//	  .state/version                      of this layout
//	  .state/<role>.lock, ledger.lock     flock, never deleted
//	  .state/<process>.json               status, replaced atomically
//	  .state/<process>.backoff.json       a wait that survives restarts
//	  .state/uploader.backoff-<id>.json   likewise, of one of several targets
//	  .state/books.json                   which copies of the books are where
//	  .state/resume                       where the stream stands (see Memory)
//	  .state/coverage.json                what is not in the captured book yet
//	  .state/reserve                      1 MiB for the ledger on a full disk
//	  .state/captured.reserve             256 KiB for the captured book
//
// The grabber alone writes the working file, names files, finishes them and
// keeps the captured book; the uploader alone removes finished files and sets
// them aside; what is .damaged in rejected/ is the grabber's, all else there the
// uploader's. Names tell everything: nobody opens a file to find out what it is.
// Temporary files are dot names that end in .tmp and carry their owner's pid
// where the owner is not plain.
//
// # Invariants
//
//  1. A finished file holds one JSON message a line, each line ends in '\n', the
//     bytes of a message are those that the writer was given, no line is empty
//     or torn, and the file is never written again.
//  2. A message that Append took is in exactly one file of the store. A SIGKILL
//     takes none of them; a power cut at most those of the last SyncInterval,
//     files being finished included.
//  3. What a dead grabber left is recovered at the next start: whole lines are
//     kept and finished, never continued, never overwritten.
//  4. A finished file leaves the store only after its receipt is in the ledger
//     and on disk.
//  5. Names sort by time of capture, never collide, survive a clock that steps
//     back, and begin with the prefix. A rename never replaces. The next name is
//     above the greatest of those in the store, being finished, in rejected/,
//     and in the last 1,024 receipts of the watch loop.
//  6. The watch loop takes regular files that begin with the prefix, and nothing
//     else.
//  7. A finished file is at most CutBytes, unless a single message alone is
//     larger or it was recovered.
//  8. A state file is complete at every instant.
//
// Of a packed file 1 and 7 speak of what is in it.
//
// Each is proved by the tests that carry its number, over a file system that
// fails, dies or loses power at every operation of a run.
//
// # Order of steps
//
// Each step below is done only after the one before it has succeeded. Whatever
// stands between two of them may be the last that happens.
//
// Append: (cut, if the batch does not fit;) create the working file with
// O_EXCL, if there is none; one write. A write that falls short is undone by
// truncating to where it began, before anything else is written.
//
// Sync, by the syncer, never by Append: fsync of the file, and of the store
// directory for a file's first time. Until both are done its bytes count as
// not synced. A failed fsync is final, also where a quota or a network file
// system finds out only then that there is no room: the kernel may have dropped
// the pages, and another fsync would not tell. The process ends, and the next
// start keeps what is whole. (The fsync of a copy is not: a new one is made.)
//
// Cut, by Append's caller: rename of the working file to .<name>, no fsync.
// Then by the syncer: fsync of the file and of the store directory. Then by the
// finisher, in name order: the file is packed, where that is wanted (settle
// states the steps), and from there on the packed one stands for it; what Memory says, durably; a line in the captured
// book, fsync; rename of .<name> to <name> without replacing; fsync of the store
// directory; Finished is told. So a finished name is always one of
// a file that is on the disk, and after a power cut a file that is not finished
// has the name under which it will be.
//
// Recover, under the lock: rename of the working file to .<name>, as in a cut;
// then, behind the capture and before anything newer, for each .<name> in
// order:
//
//	fsync of the file and of the store directory
//	if it holds anything but whole messages, one a line:
//	    damaged lines to rejected/.<name>.damaged.tmp, fsync
//	    reason to its temporary file, fsync, rename, fsync of rejected/
//	    rename to rejected/<name>.damaged, fsync of rejected/
//	    messages to .recovering.tmp, fsync
//	    rename over .<name> (the one rename of data that replaces), fsync of
//	    the store directory; if there are no messages: remove .<name> instead
//	pack it, where that is wanted
//	what Memory says, durably; a line in the captured book, fsync
//	rename to <name> without replacing, fsync of the store directory
//
// A packed .<name>.zst beside .<name> may be half and is removed first of all. A
// lone one was proven before .<name> was removed: it is inflated to its end for
// its line and finished as it is, whatever the setting says now; where the disk
// has damaged it, it goes to rejected/ as a whole.
//
// Killed before that rename, the next start enters the file again: of two lines
// with one name the last holds. Until .<name> is replaced it holds everything, so that a recovery that is
// killed begins again and ends the same.
//
// Replace a state file, the version or a reason: temporary file, (fsync,)
// rename, (fsync of its directory). Without the fsyncs for what is worth
// nothing after a power cut.
//
// New store: mode 0700; .state, ledger, rejected; fsync of the store directory;
// version, durably. Its mode is not touched again.
//
// Ledger, remove, set aside and retry state their orders where they stand:
// book.go, entry.go, rejected.go and retry.go.
package store
