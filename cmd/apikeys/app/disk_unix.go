//go:build unix

package app

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeBytes returns how much an ordinary user can still write at a path.
func freeBytes(path string) (uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return 0, err
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize), nil //nolint:gosec,unconvert // neither is negative; their types differ between systems
}

// giveOwner gives a file that root has made to whom another belongs, who may be a service's user.
func giveOwner(path, of string) error {
	info, err := os.Stat(of)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(owner.Uid), int(owner.Gid))
}

// writable returns an error when this process can make no file in a folder.
func writable(folder string) error { return unix.Access(folder, unix.W_OK|unix.X_OK) }
