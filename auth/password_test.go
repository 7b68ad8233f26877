package auth

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// cheap is for tests that are not about the hash.
var cheap = params{memory: 64, passes: 1, lanes: 1}

func TestHashPassword(t *testing.T) {
	h, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("HashPassword = %s, want argon2id with 19 MiB, 2 passes, 1 lane", h)
	}
	if again, _ := HashPassword("correct horse"); again == h {
		t.Error("two hashes of one password are alike: no salt")
	}
	if !Verify(h, "correct horse") || Verify(h, "correct horsf") || Verify(h, "") {
		t.Error("Verify does not tell the right password from others")
	}
	for _, bad := range []string{"", strings.Repeat("x", maxPassword+1), "a\nb", "a\x00b"} {
		if _, err := HashPassword(bad); !errors.Is(err, ErrPassword) {
			t.Errorf("HashPassword(%.10q) = %v, want ErrPassword", bad, err)
		}
	}
}

func TestVerify(t *testing.T) {
	bc, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	y := "$2y$" + string(bc[4:])
	long := strings.Repeat("0123456789", 8)
	bcLong, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	nfd, err := cheap.hash("cafe\u0301")
	if err != nil {
		t.Fatal(err)
	}
	own, err := cheap.hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, encoded, password string
		want                    bool
	}{
		{"bcrypt", string(bc), "secret", true},
		{"bcrypt, wrong", string(bc), "Secret", false},
		{"bcrypt as Apache's htpasswd writes it", y, "secret", true},
		{"bcrypt looks at 72 bytes", string(bcLong), long, true},
		{"bcrypt that would take a minute", "$2a$20$" + string(bc[7:]), "secret", false},
		{"an accent typed the other way", nfd, "caf\u00e9", true},
		// echo -n password | argon2 somesalt -t 2 -m 16 -p 1, with -id and -i.
		{"argon2id of another program", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true},
		{"argon2i of another program", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA", "password", true},
		{"too much memory", strings.Replace(own, "m=64", "m=4194304", 1), "secret", false},
		{"too many passes", strings.Replace(own, "t=1", "t=4000000", 1), "secret", false},
		{"no lanes", strings.Replace(own, "p=1", "p=0", 1), "secret", false},
		{"another version", strings.Replace(own, "v=19", "v=16", 1), "secret", false},
		{"another algorithm", strings.Replace(own, "argon2id", "argon2d", 1), "secret", false},
		{"cut off", own[:len(own)-30], "secret", false},
		{"plain text", "secret", "secret", false},
		{"nothing", "", "secret", false},
		{"nothing and nothing", "", "", false},
		{"a password of a megabyte", own, strings.Repeat("x", 1<<20), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Verify(tt.encoded, tt.password); got != tt.want {
				t.Errorf("Verify(%s, %.20s) = %v, want %v", tt.encoded, tt.password, got, tt.want)
			}
			if err := checkHash(tt.encoded); (err == nil) != tt.want && tt.password != "Secret" && len(tt.password) < 1000 {
				t.Errorf("checkHash(%s) = %v, want error: %v", tt.encoded, err, !tt.want)
			}
		})
	}
}

func FuzzParsePHC(f *testing.F) {
	own, _ := cheap.hash("secret")
	f.Add(own)
	f.Add("$argon2id$v=19$m=1,t=1,p=1,p=2$c29tZXNhbHQ$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err == nil && (h.memory == 0 || h.memory > maxMemory || h.passes == 0 || h.passes > maxPasses || h.lanes == 0 || h.lanes > maxLanes) {
			t.Errorf("parsePHC(%q) = %+v: out of bounds", s, h)
		}
	})
}

func TestGeneratePassword(t *testing.T) {
	form := regexp.MustCompile(`^([a-km-np-z2-9]{4}-){3}[a-km-np-z2-9]{4}$`)
	if len(legible) != 32 {
		t.Fatalf("the alphabet has %d letters, want 32: 5 bits each", len(legible))
	}
	seen := map[string]bool{}
	for range 1000 {
		p := GeneratePassword()
		if !form.MatchString(p) || seen[p] {
			t.Fatalf("GeneratePassword = %s", p)
		}
		seen[p] = true
	}
}

// TestNobodysHashTakesTheSameWork: who guesses names learns nothing from how long an answer takes.
func TestNobodysHashTakesTheSameWork(t *testing.T) {
	h, err := parsePHC(defaultParams.nobodys())
	if err != nil || h.params != defaultParams || !h.id || len(h.salt) != 16 || len(h.key) != 32 {
		t.Errorf("nobody's hash = %+v (%v), want one of %+v", h, err, defaultParams)
	}
	if one, other := defaultParams.nobodys(), defaultParams.nobodys(); one == other {
		t.Error("nobody's hash is the same twice")
	}
	if Verify(cheap.nobodys(), "") || Verify(cheap.nobodys(), "nobody's") {
		t.Error("nobody's hash lets somebody in")
	}
}
