package sqlstore_test

import (
	"testing"

	"kalends/storage/storagetest"
)

func TestContract(t *testing.T) { storagetest.Each(t, storagetest.Run) }
