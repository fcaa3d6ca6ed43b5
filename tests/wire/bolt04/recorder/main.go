// Recorder prints onions, blinded paths and failures made by lightning-onion, an implementation of BOLT 4 that shares
// nothing with boltwire, as JSON. Inputs are drawn from a fixed seed. Run it and keep the output as
// tests/vectors/bolt04_lightning_onion.json:
//
//	go run . > ../../../vectors/bolt04_lightning_onion.json
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log"
	"math/rand"
	"os"
	"runtime/debug"

	"github.com/btcsuite/btcd/btcec/v2"
	sphinx "github.com/lightningnetwork/lightning-onion"
)

const (
	seed         = 4
	areaSize     = 1300
	hmacSize     = 32
	onions       = 60
	blindedPaths = 15
	failures     = 20
)

var random = rand.New(rand.NewSource(seed))

type hop struct {
	Privkey string `json:"privkey"`
	Payload string `json:"payload"`
}

type onion struct {
	SessionKey     string `json:"session_key"`
	AssociatedData string `json:"associated_data"`
	Hops           []hop  `json:"hops"`
	PacketSHA256   string `json:"packet_sha256"`
}

type blindedHop struct {
	Privkey       string `json:"privkey"`
	Data          string `json:"data"`
	BlindedNodeID string `json:"blinded_node_id"`
	EncryptedData string `json:"encrypted_data"`
	NextPathKey   string `json:"next_path_key"`
}

type blindedPath struct {
	SessionKey string       `json:"session_key"`
	PathKey    string       `json:"path_key"`
	Hops       []blindedHop `json:"hops"`
}

type failure struct {
	SessionKey string   `json:"session_key"`
	Privkeys   []string `json:"privkeys"`
	ErringHop  int      `json:"erring_hop"`
	Failuremsg string   `json:"failuremsg"`
	Packet     string   `json:"packet_at_origin"`
}

type recording struct {
	Source       map[string]string `json:"source"`
	Onions       []onion           `json:"onions"`
	BlindedPaths []blindedPath     `json:"blinded_paths"`
	Failures     []failure         `json:"failures"`
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func octets(size int) []byte {
	data := make([]byte, size)
	random.Read(data)
	return data
}

func privateKey() *btcec.PrivateKey {
	key, _ := btcec.PrivKeyFromBytes(octets(32))
	return key
}

func text(data []byte) string { return hex.EncodeToString(data) }

func keyText(key *btcec.PrivateKey) string { return text(key.Serialize()) }

func pointText(key *btcec.PublicKey) string { return text(key.SerializeCompressed()) }

// framed is what a payload of this size takes, with length and HMAC.
func framed(size int) int {
	if size < 0xfd {
		return 1 + size + hmacSize
	}
	return 3 + size + hmacSize
}

// payloads fill at most one payload area; now and then one of them is long.
func payloads(count int) [][]byte {
	left := areaSize
	var drawn [][]byte
	for index := 0; index < count; index++ {
		reserved := (count - 1 - index) * framed(2)
		most := left - reserved - 3 - hmacSize
		size := 2 + random.Intn(min(most, 40)-1)
		if random.Intn(6) == 0 {
			size = 2 + random.Intn(most-1)
		}
		drawn = append(drawn, octets(size))
		left -= framed(size)
	}
	return drawn
}

func recordOnion(count int) onion {
	var path sphinx.PaymentPath
	session, data := privateKey(), octets(random.Intn(2)*32)
	made := onion{SessionKey: keyText(session), AssociatedData: text(data)}
	for index, payload := range payloads(count) {
		key := privateKey()
		hopPayload := must(sphinx.NewTLVHopPayload(payload))
		path[index] = sphinx.OnionHop{NodePub: *key.PubKey(), HopPayload: hopPayload}
		made.Hops = append(made.Hops, hop{keyText(key), text(payload)})
	}
	packet := must(sphinx.NewOnionPacket(&path, session, data, sphinx.DeterministicPacketFiller))
	var encoded bytes.Buffer
	if err := packet.Encode(&encoded); err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256(encoded.Bytes())
	made.PacketSHA256 = text(digest[:])
	return made
}

func recordBlindedPath(count int) blindedPath {
	session := privateKey()
	var keys []*btcec.PrivateKey
	var infos []*sphinx.HopInfo
	for index := 0; index < count; index++ {
		keys = append(keys, privateKey())
		// One odd TLV record, so that the content is a stream.
		data := octets(2 + random.Intn(60))
		data[0], data[1] = 1, byte(len(data)-2)
		infos = append(infos, &sphinx.HopInfo{NodePub: keys[index].PubKey(), PlainText: data})
	}
	path := must(sphinx.BuildBlindedPath(session, infos))
	made := blindedPath{SessionKey: keyText(session), PathKey: pointText(path.BlindingPoint)}
	pathKey := path.BlindingPoint
	for index, key := range keys {
		pathKey = must(sphinx.NextEphemeral(&sphinx.PrivKeyECDH{PrivKey: key}, pathKey))
		made.Hops = append(made.Hops, blindedHop{
			Privkey:       keyText(key),
			Data:          text(infos[index].PlainText),
			BlindedNodeID: pointText(path.BlindedHops[index].BlindedNodePub),
			EncryptedData: text(path.BlindedHops[index].CipherText),
			NextPathKey:   pointText(pathKey),
		})
	}
	return made
}

func recordFailure(count int) failure {
	session := privateKey()
	made := failure{SessionKey: keyText(session), ErringHop: random.Intn(count)}
	var encrypters []*sphinx.OnionErrorEncrypter
	ephemeral := session.PubKey()
	for index := 0; index < count; index++ {
		key := privateKey()
		made.Privkeys = append(made.Privkeys, keyText(key))
		node := &sphinx.PrivKeyECDH{PrivKey: key}
		router := sphinx.NewRouter(node, sphinx.NewMemoryReplayLog())
		encrypters = append(encrypters, must(sphinx.NewOnionErrorEncrypter(router, ephemeral)))
		ephemeral = must(sphinx.NextEphemeral(node, ephemeral))
	}
	message := octets(2 + random.Intn(254))
	made.Failuremsg = text(message)
	var body bytes.Buffer
	pad := make([]byte, 256-len(message))
	for _, part := range [][]byte{message, pad} {
		if err := binary.Write(&body, binary.BigEndian, uint16(len(part))); err != nil {
			log.Fatal(err)
		}
		body.Write(part)
	}
	packet := encrypters[made.ErringHop].EncryptError(true, body.Bytes())
	for index := made.ErringHop - 1; index >= 0; index-- {
		packet = encrypters[index].EncryptError(false, packet)
	}
	made.Packet = text(packet)
	return made
}

func source() map[string]string {
	const module = "github.com/lightningnetwork/lightning-onion"
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return map[string]string{"module": module, "version": dependency.Version}
		}
	}
	return map[string]string{"module": module}
}

func main() {
	made := recording{Source: source()}
	for index := 0; index < onions; index++ {
		made.Onions = append(made.Onions, recordOnion(1+index%sphinx.NumMaxHops))
	}
	for index := 0; index < blindedPaths; index++ {
		made.BlindedPaths = append(made.BlindedPaths, recordBlindedPath(1+index%8))
	}
	for index := 0; index < failures; index++ {
		made.Failures = append(made.Failures, recordFailure(1+index%10))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(made); err != nil {
		log.Fatal(err)
	}
}
