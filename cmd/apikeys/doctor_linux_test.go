package main

import "testing"

// TestDoctorFindsAFolderThatCantBeWritten uses a folder that not even root can write to, as on a read-only file system.
func TestDoctorFindsAFolderThatCantBeWritten(t *testing.T) { findsNoRoom(t, "/proc/sys/kernel") }
