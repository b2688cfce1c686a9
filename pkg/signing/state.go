package signing

import "time"

// State is the state of a stored key.
type State string

// The states.
const (
	Signs    State = "signs"
	Waits    State = "waits"    // published, and will sign later
	Retiring State = "retiring" // published for the sake of the tokens that it signed
	Retired  State = "retired"  // no longer published
	// Revoked means that the key was removed before the tokens that it signed had expired, by a revocation or a restore.
	Revoked State = "revoked"
)

// States returns the state at now of each stored key. records must hold all of them, ordered by NotBefore.
func States(records []Record, now time.Time) []State {
	set := &keySet{}
	ends := map[int64]bool{} // of keys retired by a successor
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
