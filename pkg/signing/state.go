package signing

import "time"

// State is what a stored key does.
type State string

// The states.
const (
	Signs    State = "signs"
	Waits    State = "waits"    // published, and signs later
	Retiring State = "retiring" // published for the tokens that it has signed
	Retired  State = "retired"  // not published any more
	// Revoked is taken out before the tokens that it had signed expired, by a revocation or by a restore.
	Revoked State = "revoked"
)

// States returns what each of all stored keys, ordered by NotBefore, does at now.
func States(records []Record, now time.Time) []State {
	set := &keySet{}
	ends := map[int64]bool{} // of keys that a successor has retired
	for _, r := range records {
		ends[r.NotBefore.Add(RetireLag).UnixMicro()] = true
		if r.publishedAt(now) {
			set.keys = append(set.keys, Key{Record: r})
		}
	}
	signer, err := set.signing(now)
	states := make([]State, len(records))
	for i, r := range records {
		switch {
		case err == nil && r.KID == signer.KID:
			states[i] = Signs
		case !r.publishedAt(now) && ends[r.RetireAt.UnixMicro()]:
			states[i] = Retired
		case !r.publishedAt(now):
			states[i] = Revoked
		case now.Before(r.NotBefore) && (r.RetireAt.IsZero() || r.RetireAt.After(r.NotBefore.Add(RetireLag))):
			states[i] = Waits
		default:
			states[i] = Retiring
		}
	}
	return states
}
