package resourceservertest

import "time"

// eventLog is the ordered log that the feed is made from. Its positions have no gaps.
type eventLog struct {
	entries   []logEntry // entry n has position n+1
	resumable uint64     // the lowest position that a stream can resume at
	changed   chan struct{}
	cuts      chan struct{} // closed to break all open streams
}

// logEntry revokes a client's tokens, one token, a signing key, or nothing.
type logEntry struct {
	at         time.Time
	clientID   string
	generation int64
	tokenID    string
	expires    int64
	keyID      string
}

func newEventLog() eventLog {
	return eventLog{changed: make(chan struct{}), cuts: make(chan struct{})}
}

func (l *eventLog) head() uint64 { return uint64(len(l.entries)) }

func (l *eventLog) append(entry logEntry) uint64 {
	l.entries = append(l.entries, entry)
	close(l.changed)
	l.changed = make(chan struct{})
	return l.head()
}

// after returns the entries after a position, and false if they are not available.
func (l *eventLog) after(position uint64) ([]logEntry, bool) {
	if position > l.head() || position < l.resumable {
		return nil, false
	}
	return l.entries[position:], true
}

func (l *eventLog) forget() { l.resumable = l.head() }

func (l *eventLog) cut() {
	close(l.cuts)
	l.cuts = make(chan struct{})
}

// revoked returns what was revoked since a time: clients with their highest generation, tokens with their expiry, and signing
// keys.
func (l *eventLog) revoked(since time.Time) (clients map[string]int64, tokens map[string]int64, keys []string) {
	clients, tokens, keys = map[string]int64{}, map[string]int64{}, []string{}
	for _, entry := range l.entries {
		if entry.at.Before(since) {
			continue
		}
		if entry.clientID != "" {
			clients[entry.clientID] = entry.generation
		}
		if entry.keyID != "" {
			keys = append(keys, entry.keyID)
		}
		if entry.tokenID != "" {
			tokens[entry.tokenID] = entry.expires
		}
	}
	return clients, tokens, keys
}
