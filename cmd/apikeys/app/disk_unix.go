//go:build unix

package app

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeBytes returns how many bytes an unprivileged user can still write at a path.
func freeBytes(path string) (uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return 0, err
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize), nil //nolint:gosec,unconvert // neither is negative; their types differ between systems
}

// giveOwner gives path the owner of another file if this process is root: root may run a command for a service that has a user of
// its own.
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

// writable returns an error if this process can't create files in a folder.
func writable(folder string) error { return unix.Access(folder, unix.W_OK|unix.X_OK) }
