package storage

// Expected is what a change is about to read when it holds its locks: see [Tx].Expect.
type Expected struct {
	Owner int64
	Slug  string // of a collection in the owner's home; "" for none
	Name  string // of an object in that collection, not of an inbox item; "" for none
	UID   string // objects that have it in the homes that are locked; "" for none
	Homes bool   // the collections of all homes that are locked, the owner's among them
	Usage bool   // how much is kept of each of their owners
}
