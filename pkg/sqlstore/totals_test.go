package sqlstore

import (
	"math/rand/v2"
	"testing"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// TestARememberedTotalIsNeverWrong adds or removes one key with each change, and compares the remembered total with the real one.
func TestARememberedTotalIsNeverWrong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var capped, exact, unknown int
	for range 200 {
		keys := apikey.TotalMax - 1_500 + random.IntN(4_000)
		remembered := total{keys: min(keys, countMax), seq: 7}
		more := random.IntN(3) // how many of three changes add a key
		for seq := remembered.seq; seq < remembered.seq+2_000; seq++ {
			switch got, known := remembered.at(seq); {
			case !known:
				unknown++
			case keys > apikey.TotalMax:
				if capped++; got <= apikey.TotalMax {
					t.Fatalf("%d keys were counted; after %d changes, with %d keys, %d are remembered", remembered.keys, seq-remembered.seq, keys, got)
				}
			default:
				if exact++; got != keys {
					t.Fatalf("%d keys were counted; after %d changes, with %d keys, %d are remembered", remembered.keys, seq-remembered.seq, keys, got)
				}
			}
			if random.IntN(3) < more {
				keys++
			} else {
				keys--
			}
		}
	}
	if capped == 0 || exact == 0 || unknown == 0 {
		t.Errorf("not every case came up: %d, %d, %d", capped, exact, unknown)
	}
	if _, known := (total{keys: countMax, seq: 7}).at(6); known {
		t.Error("a total is known for a database that was restored from an earlier copy")
	}
}

func TestManyKeysAreNotCountedAgainForEveryPage(t *testing.T) {
	after := total{keys: countMax, seq: 7}
	if got, known := after.at(7 + countMax - apikey.TotalMax - 1); !known || got <= apikey.TotalMax {
		t.Errorf("got %d, %t", got, known)
	}
}
