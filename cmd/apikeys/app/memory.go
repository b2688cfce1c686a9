package app

import "runtime/debug"

// heapFloor is how many bytes the collector counts as in use beyond what is: its next collection comes when the heap has
// doubled, and that of this service is so small that it would come hundreds of times a second under load, and take a
// fifth of the time of every token. The bytes are never touched, so they take address space and no memory. With a heap
// that many cached keys have made large they change little, which a higher GOGC would not.
const heapFloor = 16 << 20

// settleMemory gives back what only the start has needed, most of it for hashing passwords and reading the contract.
func settleMemory() { debug.FreeOSMemory() }
