package app

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

func TestTheHeapFloorTakesNoMemory(t *testing.T) {
	before := bytes.Repeat([]byte{1}, 2*heapFloor)
	runtime.KeepAlive(before)
	debug.FreeOSMemory() // the floor probably gets the same addresses

	floor := newFloor()
	floor.WriteByte(0) // an empty string has no address
	pages := make([]byte, heapFloor/os.Getpagesize())
	address := uintptr(unsafe.Pointer(unsafe.StringData(floor.String())))
	if _, _, errno := syscall.Syscall(syscall.SYS_MINCORE, address, heapFloor, uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Fatal(errno)
	}
	runtime.KeepAlive(floor)
	if resident := bytes.Count(pages, []byte{1}); resident > len(pages)/10 { // the page of the byte may be a huge one
		t.Errorf("%d of %d pages are in memory", resident, len(pages))
	}
}
