// Package frontend holds the console's build, so that the binary serves it. The build is made by `npm run build`; without
// it the folder is empty and the service says how to build it.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist returns the files of the console's build.
func Dist() fs.FS {
	root, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for a malformed path
	}
	return root
}
