package main

import "testing"

// TestDoctorFindsAFolderThatCantBeWritten: not even root can write to this one, as on a disk that is mounted read-only.
func TestDoctorFindsAFolderThatCantBeWritten(t *testing.T) { findsNoRoom(t, "/proc/sys/kernel") }
