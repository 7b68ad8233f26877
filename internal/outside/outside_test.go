package outside

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestS10Addresses is S10 by address: loopback, private, link-local, carrier's, multicast, reserved, clouds' metadata, IPv4 in IPv6.
func TestS10Addresses(t *testing.T) {
	for _, s := range strings.Fields(`0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1
		169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9
		224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
		:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1
		2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1`) {
		if a := netip.MustParseAddr(s); Public(a) {
			t.Errorf("Public(%s)", s)
		}
	}
	for _, s := range strings.Fields("1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 172.15.0.1 172.32.0.1 192.167.0.1 223.255.255.255 ::ffff:8.8.8.8 2606:4700::1111 2a00::1 2001:4860::8888") {
		if a := netip.MustParseAddr(s); !Public(a) {
			t.Errorf("not Public(%s)", s)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("Public of no address")
	}
	for port, want := range map[uint16]bool{22: false, 25: false, 80: true, 443: true, 1023: false, 6379: true, 8443: true} {
		if publicPort(port) != want {
			t.Errorf("publicPort(%d) = %v", port, !want)
		}
	}
}

func TestS10URLs(t *testing.T) {
	for in, want := range map[string]string{
		" https://example.com/a.ics?k=v#x ": "https://example.com/a.ics?k=v", "webcal://example.com/a.ics": "https://example.com/a.ics", "WEBCALS://example.com": "https://example.com",
		"HTTP://example.com:8080/": "http://example.com:8080/", "https://user:pass@example.com/": "https://user:pass@example.com/",
	} {
		if u, err := ParseURL(in); err != nil || u.String() != want {
			t.Errorf("ParseURL(%q) = %v, %v; want %s", in, u, err, want)
		}
	}
	for _, in := range []string{
		"", "example.com/a.ics", "/etc/passwd", "file:///etc/passwd", "FILE:/etc/passwd", "gopher://example.com/1", "ftp://example.com/", "dict://example.com:11211/", "data:text/calendar,x",
		"javascript:alert(1)", "https:", "https://", "https:example.com", "https:///x", "http://:80/", "https://exa mple.com", "https://example.com/\r\nHost: x", "https://[::1", "https://example.com:x/",
		"https://example.com/" + strings.Repeat("x", 2000), "jar:https://example.com!/", "ldap://example.com",
	} {
		if u, err := ParseURL(in); !errors.Is(err, ErrForbidden) {
			t.Errorf("ParseURL(%.60q) = %v, %v; want ErrForbidden", in, u, err)
		} else if len(in) > 5 && strings.Contains(err.Error(), in) {
			t.Errorf("the error repeats the address: %v", err)
		}
	}
}

func get(c *http.Client, address string) error {
	res, err := c.Get(address)
	if err == nil {
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	return err
}

// TestS10LoopbackIsRefused: as in production, by every way to write it.
func TestS10LoopbackIsRefused(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := Client(Options{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "[::1]", "127.1", "0x7f.1", "2130706433", "017700000001", "10.0.0.1", "169.254.169.254", "[fe80::1%25lo]"} {
		err := get(c, "http://"+host+":"+u.Port()+"/")
		var dns *net.DNSError
		if !errors.Is(err, ErrForbidden) && !errors.As(err, &dns) { // some resolvers know no short forms
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

// TestS10Redirects: each step is looked at, and https does not become http.
func TestS10Redirects(t *testing.T) {
	var inner atomic.Int32
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner.Add(1) }))
	defer secret.Close()
	private := netip.MustParseAddrPort(strings.TrimPrefix(secret.URL, "http://"))
	to := ""
	var referer string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		referer = r.Referer()
		if r.URL.Path == "/end" {
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	plain, safe := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer safe.Close()
	c := Client(Options{Allow: func(a netip.AddrPort) bool { return a != private }, TLS: safe.Client().Transport.(*http.Transport).TLSClientConfig})
	for _, tt := range []struct {
		from, to string
		ok       bool
	}{
		{plain.URL, plain.URL + "/end", true},
		{plain.URL, safe.URL + "/end", true},
		{safe.URL, safe.URL + "/end", true},
		{safe.URL, plain.URL + "/end", false},
		{plain.URL, secret.URL, false},
		{plain.URL, "file:///etc/passwd", false},
		{plain.URL, "gopher://127.0.0.1/", false},
		{plain.URL, "//" + private.String() + "/", false},
		{plain.URL, "/again", false},
	} {
		to = tt.to
		if err := get(c, tt.from); (err == nil) != tt.ok {
			t.Errorf("%s to %s: %v", tt.from, tt.to, err)
		}
		if tt.ok && referer != "" {
			t.Errorf("the secret address is told: Referer %s", referer)
		}
	}
	if n := inner.Load(); n > 0 {
		t.Errorf("the private server was asked %d times", n)
	}
}

// TestS10Rebinding: a name that meant a public address when it was checked, and means a private one when it is dialled, is refused: what
// is dialled is what is checked.
func TestS10Rebinding(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	var lookups atomic.Int32
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerDNS(server, func() net.IP {
			if lookups.Add(1) == 1 {
				return net.IPv4(93, 184, 216, 34)
			}
			return net.IPv4(127, 0, 0, 1)
		})
		return client, nil
	}}
	ips, err := resolver.LookupIP(t.Context(), "ip4", "rebind.example.com")
	if err != nil || !ips[0].Equal(net.IPv4(93, 184, 216, 34)) {
		t.Fatalf("the first lookup: %v, %v", ips, err)
	}
	if err := get(Client(Options{Resolver: resolver}), "http://rebind.example.com"+port+"/"); !errors.Is(err, ErrForbidden) {
		t.Errorf("got %v", err)
	}
	if lookups.Load() < 2 || asked.Load() > 0 {
		t.Errorf("%d lookups, asked %d times", lookups.Load(), asked.Load())
	}
}

// answerDNS answers questions for A with what ip returns, over a stream or packets without their length.
func answerDNS(c net.Conn, ip func() net.IP) {
	defer c.Close()
	b := make([]byte, 1500)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		q := b[:n]
		stream := n > 2 && int(q[0])<<8|int(q[1]) == n-2
		if n == 2 { // the length comes by itself
			if n, err = io.ReadFull(c, b[:int(b[0])<<8|int(b[1])]); err != nil {
				return
			}
			q, stream = b[:n], true
		} else if stream {
			q = q[2:]
		}
		end := 12
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		end += 5
		out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
		if q[end-3] == 1 { // A
			out[7] = 1
			out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			out = append(out, ip().To4()...)
		}
		if stream {
			out = append([]byte{byte(len(out) >> 8), byte(len(out))}, out...)
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// TestNetworks: those that the operator lists, on ports of web servers, however the address is written.
func TestNetworks(t *testing.T) {
	in := In([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")})
	for s, want := range map[string]bool{
		"10.1.2.3:443": true, "[::ffff:10.1.2.3]:8443": true, "[fd00:1::7]:80": true, "10.1.2.3:25": false, "10.2.0.1:443": false, "[fd00:2::1]:443": false,
		"[fe80::1%eth0]:443": false, "1.1.1.1:443": false,
	} {
		if got := in(netip.MustParseAddrPort(s)); got != want {
			t.Errorf("In(%s) = %v", s, got)
		}
	}
	if !PublicPort(netip.MustParseAddrPort("1.1.1.1:443")) || PublicPort(netip.MustParseAddrPort("1.1.1.1:25")) || PublicPort(netip.MustParseAddrPort("10.1.2.3:443")) {
		t.Error("PublicPort")
	}
}
