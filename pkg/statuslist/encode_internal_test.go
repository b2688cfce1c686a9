package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// decode reads a list as a verifier does, without using anything of this package.
func decode(t testing.TB, lst string) []byte {
	t.Helper()
	compressed, err := base64.RawURLEncoding.DecodeString(lst)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	list, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// set returns the indexes whose status is 1.
func set(list []byte) []int64 {
	var indexes []int64
	for i := range int64(len(list)) * 8 {
		if list[i/8]>>(i%8)&1 == 1 {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// TestListsReadAsInTheStandard: the test vectors of draft-ietf-oauth-status-list §4.1 and Appendix C.1.
func TestListsReadAsInTheStandard(t *testing.T) {
	for name, vector := range map[string]struct {
		size int // in indexes
		set  []int64
		lst  string
	}{
		"section 4.1": {16, []int64{0, 3, 4, 5, 7, 8, 9, 13, 15}, "eNrbuRgAAhcBXQ"},
		"appendix C.1": {
			1 << 20,
			[]int64{0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345},
			"eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAA" +
				"APwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb",
		},
	} {
		theirs := decode(t, vector.lst)
		if len(theirs)*8 != vector.size || !slices.Equal(set(theirs), vector.set) {
			t.Fatalf("%s: the vector is read as %v", name, set(theirs))
		}
		have := Indexes{Given: int64(vector.size)}
		for i := range int64(vector.size) {
			if !slices.Contains(vector.set, i) {
				have.Held = append(have.Held, i)
			}
		}
		if got := mark(0, int64(vector.size), have); !slices.Equal(got[1:], theirs[1:]) || got[0] != theirs[0]&^1 { // index 0 is never given to a key
			t.Errorf("%s: the marks differ", name)
		}
		ours, err := compress(theirs)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(decode(t, ours), theirs) {
			t.Errorf("%s: what is compressed here differs", name)
		}
	}
}

// TestListTellsOfWhatWasGivenAndIsHeldNoMore: in each list, exactly those indexes are marked that were given out and are not held
// by a key any more.
func TestListTellsOfWhatWasGivenAndIsHeldNoMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := Size * rapid.Int64Range(0, 3).Draw(rt, "list")
		have := Indexes{Given: rapid.Int64Range(0, 4*Size).Draw(rt, "given")}
		held := map[int64]bool{}
		for _, i := range rapid.SliceOfN(rapid.Int64Range(max(first, 1), first+Size-1), 0, 50).Draw(rt, "held") {
			if i <= have.Given && !held[i] {
				held[i] = true
				have.Held = append(have.Held, i)
			}
		}
		lst, err := encode(first, have)
		if err != nil {
			rt.Fatal(err)
		}
		list := decode(t, lst)
		if len(list)*8 != Size {
			rt.Fatalf("the list has %d indexes", len(list)*8)
		}
		for i := first; i < first+Size; i++ {
			at := i - first
			if got, want := list[at/8]>>(at%8)&1 == 1, i > 0 && i <= have.Given && !held[i]; got != want {
				rt.Fatalf("index %d: revoked is %v, want %v", i, got, want)
			}
		}
	})
}

// TestListIsSmallAtWorst: the worst case for compression is that half of the generations have ended, in random order.
func TestListIsSmallAtWorst(t *testing.T) {
	have := Indexes{Given: Size}
	for i, random := int64(1), uint32(1); i < Size; i++ {
		random = random*1664525 + 1013904223
		if random>>31 == 1 {
			have.Held = append(have.Held, i)
		}
	}
	lst, err := encode(0, have)
	if err != nil {
		t.Fatal(err)
	}
	if len(lst) > 11<<10 {
		t.Errorf("the list has %d characters", len(lst))
	}
}
