package main

import "testing"

// TestDoctorFindsAFolderThatCantBeWritten: to this one not even root can write, as on a disk that is mounted for reading only.
func TestDoctorFindsAFolderThatCantBeWritten(t *testing.T) { findsNoRoom(t, "/proc/sys/kernel") }
