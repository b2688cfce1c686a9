package sealed_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/sealed"
)

func newBox(t testing.TB, fill byte) *sealed.Box {
	t.Helper()
	box, err := sealed.NewBox(bytes.Repeat([]byte{fill}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSealedDataOpensToWhatWasSealed(t *testing.T) {
	box := newBox(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		plain, binding := rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), rapid.SliceOf(rapid.Byte()).Draw(t, "binding")
		opened, err := box.Open(box.Seal(plain, binding), binding)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened to %x, %v; want %x", opened, err, plain)
		}
	})
}

func TestSealedDataOpensOnlyUnaltered(t *testing.T) {
	box := newBox(t, 1)
	data := box.Seal([]byte("the private half"), []byte("row 1"))
	for i := range data {
		altered := bytes.Clone(data)
		altered[i] ^= 1
		if _, err := box.Open(altered, []byte("row 1")); !errors.Is(err, sealed.ErrWrongKey) {
			t.Fatalf("with byte %d altered: %v", i, err)
		}
	}
	for n := range data {
		if _, err := box.Open(data[:n], []byte("row 1")); !errors.Is(err, sealed.ErrWrongKey) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestSealedDataIsBoundToKeyAndPlace(t *testing.T) {
	data := newBox(t, 1).Seal([]byte("the private half"), []byte("row 1"))
	if _, err := newBox(t, 2).Open(data, []byte("row 1")); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("under another master key: %v", err)
	}
	for _, binding := range [][]byte{[]byte("row 2"), []byte("row"), nil} {
		if _, err := newBox(t, 1).Open(data, binding); !errors.Is(err, sealed.ErrWrongKey) {
			t.Errorf("bound to %q: %v", binding, err)
		}
	}
	if _, err := newBox(t, 1).Open(data, []byte("row 1")); err != nil {
		t.Errorf("with another box of the same master key: %v", err)
	}
}

func TestEqualDataSealsDifferently(t *testing.T) {
	box := newBox(t, 1)
	first, second := box.Seal([]byte("same"), nil), box.Seal([]byte("same"), nil)
	if bytes.Equal(first, second) || bytes.Contains(first, []byte("same")) {
		t.Errorf("sealed to %x and %x", first, second)
	}
}

func TestMasterKeyMustHave32Bytes(t *testing.T) {
	for _, size := range []int{0, 16, 24, 31, 33, 64} {
		if _, err := sealed.NewBox(make([]byte, size)); err == nil {
			t.Errorf("a master key of %d bytes is accepted", size)
		}
		if _, err := sealed.NewBox(make([]byte, sealed.KeySize), make([]byte, size)); err == nil {
			t.Errorf("a previous one of %d bytes is accepted", size)
		}
		if _, err := sealed.ParseMasterKey(base64.StdEncoding.EncodeToString(make([]byte, size))); err == nil {
			t.Errorf("a master key of %d bytes is parsed", size)
		}
	}
}

func TestMasterKeyIsStandardBase64(t *testing.T) {
	text := sealed.NewMasterKey()
	key, err := sealed.ParseMasterKey(" " + text + "\r\n")
	if err != nil || base64.StdEncoding.EncodeToString(key) != text {
		t.Errorf("a new master key is read as %d bytes, %v", len(key), err)
	}
	if sealed.NewMasterKey() == text {
		t.Error("two new master keys are equal")
	}
	raw := bytes.Repeat([]byte{0xff}, sealed.KeySize)
	for _, text := range []string{"", "secret", text + "x", text + text, base64.URLEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw)} {
		if _, err := sealed.ParseMasterKey(text); err == nil {
			t.Errorf("%q is parsed", text)
		}
	}
}

func TestResealingMovesWhatIsSealedToTheMasterKey(t *testing.T) {
	old, fresh := newBox(t, 1), newBox(t, 2)
	both, err := sealed.NewBox(bytes.Repeat([]byte{2}, sealed.KeySize), bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	plain, binding := []byte("the private half"), []byte("row 1")
	before := old.Seal(plain, binding)
	if opened, err := both.Open(before, binding); err != nil || !bytes.Equal(opened, plain) {
		t.Errorf("what is sealed under the other key opens to %q, %v", opened, err)
	}
	if opened, err := fresh.Open(both.Seal(plain, binding), binding); err != nil || !bytes.Equal(opened, plain) {
		t.Errorf("it does not seal under the master key: %q, %v", opened, err)
	}
	after, err := both.Reseal(before, binding)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := fresh.Open(after, binding); err != nil || !bytes.Equal(opened, plain) {
		t.Errorf("resealed it opens to %q, %v", opened, err)
	}
	if again, err := both.Reseal(after, binding); err != nil || again != nil {
		t.Errorf("a second time it gives %x, %v", again, err)
	}
	for name, box := range map[string][]byte{"another binding": old.Seal(plain, []byte("row 2")), "a third key": newBox(t, 3).Seal(plain, binding)} {
		if _, err := both.Reseal(box, binding); !errors.Is(err, sealed.ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABoxForAPurposeOpensItsOwnAlone(t *testing.T) {
	key, old := bytes.Repeat([]byte{1}, sealed.KeySize), bytes.Repeat([]byte{2}, sealed.KeySize)
	before, err := sealed.NewBox(old)
	if err != nil {
		t.Fatal(err)
	}
	box, err := sealed.NewBox(key, old)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(b *sealed.Box, purpose string) *sealed.Box {
		d, err := b.For(purpose)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	flows := derive(box, "flows")
	closed := flows.Seal([]byte("plain"), nil)
	for name, other := range map[string]*sealed.Box{"the box itself": box, "another purpose's": derive(box, "other"), "that of the old key": derive(before, "flows")} {
		if _, err := other.Open(closed, nil); !errors.Is(err, sealed.ErrWrongKey) {
			t.Errorf("%s opens it: %v", name, err)
		}
	}
	for name, sealedBefore := range map[string][]byte{"now": closed, "under the old key": derive(before, "flows").Seal([]byte("plain"), nil)} {
		if plain, err := flows.Open(sealedBefore, nil); err != nil || string(plain) != "plain" {
			t.Errorf("what was sealed %s: %q, %v", name, plain, err)
		}
	}
}
