package httpserver

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestS7ClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, tt := range []struct{ name, peer, forwarded, want string }{
		{"a client with no proxy", "192.0.2.1:5", "", "192.0.2.1:5"},
		{"a client that pretends", "192.0.2.1:5", "198.51.100.1", "192.0.2.1:5"},
		{"one proxy", "10.0.0.1:5", "192.0.2.1", "192.0.2.1:0"},
		{"two proxies", "10.0.0.1:5", "192.0.2.1, 10.9.9.9", "192.0.2.1:0"},
		{"what the client wrote before the proxy is not believed", "10.0.0.1:5", "198.51.100.1, 192.0.2.1", "192.0.2.1:0"},
		{"a proxy that says nothing", "10.0.0.1:5", "", "10.0.0.1:5"},
		{"rubbish from the client", "10.0.0.1:5", "<script>, 192.0.2.1", "192.0.2.1:0"},
		{"rubbish at the end", "10.0.0.1:5", "192.0.2.1, unknown", "10.0.0.1:5"},
		{"IPv6 with a port", "[::1]:5", "[2001:db8::1]:99", "[2001:db8::1]:0"},
		{"mapped IPv4 of the peer", "[::ffff:10.0.0.1]:5", "192.0.2.1", "192.0.2.1:0"},
		{"very many hops", "10.0.0.1:5", strings.Repeat("10.0.0.2,", 1000) + "10.0.0.3", "10.0.0.2:0"},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := clientAddr(r, proxies); got != tt.want {
			t.Errorf("%s: clientAddr(%s, %.40q) = %s, want %s", tt.name, tt.peer, tt.forwarded, got, tt.want)
		}
	}
}
