#!/bin/sh
# Makes the certificates of this folder, each wrong in one way but "good". Needs openssl; the tests do not.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

printf '%s\n' '[ca]' 'default_ca = authority' '[authority]' "database = $work/index" "serial = $work/serial" \
  "new_certs_dir = $work" 'default_md = sha256' 'policy = any' 'unique_subject = no' \
  '[any]' 'commonName = supplied' >"$work/ca.cnf"
: >"$work/index"
echo 01 >"$work/serial"

# sign NAME SUBJECT_KEY SUBJECT ISSUER ISSUER_KEY FROM TO EXTENSIONS
sign() {
  openssl req -new -key "$2" -subj "/CN=$3" -out "$work/request"
  printf '%b' "$8" >"$work/extensions"
  openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/request" -cert "$4" -keyfile "$5" \
    -startdate "$6" -enddate "$7" -extfile "$work/extensions" -out "$1.pem" 2>/dev/null
}

past=20200101000000Z
end=20210101000000Z
later=21200101000000Z
far=21250101000000Z
authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n'
server='basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName='
names='DNS:localhost,IP:127.0.0.1\n'

key "$work/ca.key"
key "$work/issuer.key"
key server.key
openssl req -x509 -key "$work/ca.key" -subj "/CN=earshot test root" -days 36000 -out ca.pem \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
by_ca="ca.pem $work/ca.key"
sign good server.key localhost $by_ca $past $far "$server$names"
sign expired server.key localhost $by_ca $past $end "$server$names"
sign future server.key localhost $by_ca $later $far "$server$names"
sign other_name server.key example.org $by_ca $past $far "${server}DNS:example.org,IP:192.0.2.1\n"
sign for_clients server.key localhost $by_ca $past $far "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\nsubjectAltName=$names"
sign issuer "$work/issuer.key" "earshot test issuer" $by_ca $past $far "$authority"
sign issued server.key localhost issuer.pem "$work/issuer.key" $past $far "$server$names"
sign expired_issuer "$work/issuer.key" "earshot test issuer" $by_ca $past $end "$authority"
openssl req -new -key server.key -subj /CN=localhost -out "$work/request"
printf '%b' "basicConstraints=CA:FALSE\nsubjectAltName=$names" >"$work/extensions"
openssl ca -batch -notext -config "$work/ca.cnf" -selfsign -in "$work/request" -keyfile server.key \
  -startdate $past -enddate $far -extfile "$work/extensions" -out self_signed.pem 2>/dev/null
