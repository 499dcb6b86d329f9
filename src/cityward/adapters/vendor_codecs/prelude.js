// What vendors' codecs expect of the place where network servers run them, and the language does not have: Node's Buffer, as far as
// payloads need it, and a console that goes nowhere. Written for this project.
(function (global) {
  "use strict";
  const HEX = "0123456789abcdef";
  const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  function fromBase64(text) {
    const out = [];
    let held = 0, bits = 0;
    for (const letter of String(text).replace(/-/g, "+").replace(/_/g, "/")) {
      const value = BASE64.indexOf(letter);
      if (value < 0) continue;
      held = (held << 6) | value;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        out.push((held >> bits) & 255);
        held &= (1 << bits) - 1;
      }
    }
    return out;
  }

  function toBase64(bytes) {
    let out = "";
    for (let i = 0; i < bytes.length; i += 3) {
      const three = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
      out += BASE64[three >> 18] + BASE64[(three >> 12) & 63];
      out += i + 1 < bytes.length ? BASE64[(three >> 6) & 63] : "=";
      out += i + 2 < bytes.length ? BASE64[three & 63] : "=";
    }
    return out;
  }

  function fromUtf8(text) {
    return [...unescape(encodeURIComponent(text))].map((letter) => letter.charCodeAt(0));
  }

  function bytesOf(what, encoding) {
    if (typeof what !== "string") return Array.from(what.data || what, (one) => one & 255);
    switch (encoding || "utf8") {
      case "hex": return (what.match(/[0-9a-f]{2}/gi) || []).map((pair) => parseInt(pair, 16));
      case "base64": case "base64url": return fromBase64(what);
      case "ascii": case "latin1": case "binary": return [...what].map((letter) => letter.charCodeAt(0) & 255);
      case "utf8": case "utf-8": return fromUtf8(what);
      default: throw new TypeError("Unknown encoding: " + encoding);
    }
  }

  class Buffer extends Uint8Array {
    static from(what, encoding) { return new Buffer(bytesOf(what, encoding)); }
    static alloc(size, fill) { return new Buffer(size).fill(fill || 0); }
    static allocUnsafe(size) { return new Buffer(size); }
    static isBuffer(what) { return what instanceof Buffer; }
    static concat(list) { return new Buffer(list.flatMap((one) => [...one])); }
    static byteLength(what, encoding) { return bytesOf(what, encoding).length; }
    slice(from, to) { return this.subarray(from, to); }
    equals(other) { return this.length === other.length && this.every((one, i) => one === other[i]); }
    toJSON() { return { type: "Buffer", data: [...this] }; }
    copy(target, at, from, to) { const part = this.subarray(from, to); target.set(part, at || 0); return part.length; }
    toString(encoding, from, to) {
      const part = [...this.subarray(from, to)];
      switch (encoding || "utf8") {
        case "hex": return part.map((one) => HEX[one >> 4] + HEX[one & 15]).join("");
        case "base64": return toBase64(part);
        case "ascii": return part.map((one) => String.fromCharCode(one & 127)).join("");
        case "latin1": case "binary": return part.map((one) => String.fromCharCode(one)).join("");
        case "utf8": case "utf-8":
          try { return decodeURIComponent(part.map((one) => "%" + HEX[one >> 4] + HEX[one & 15]).join("")); }
          catch { return part.map((one) => (one < 128 ? String.fromCharCode(one) : "\ufffd")).join(""); }
        default: throw new TypeError("Unknown encoding: " + encoding);
      }
    }
    readUIntBE(at, size) { let out = 0; for (let i = 0; i < size; i++) out = out * 256 + within(this, at + i); return out; }
    readUIntLE(at, size) { let out = 0; for (let i = size; i-- > 0;) out = out * 256 + within(this, at + i); return out; }
    readIntBE(at, size) { return signed(this.readUIntBE(at, size), size); }
    readIntLE(at, size) { return signed(this.readUIntLE(at, size), size); }
    writeUIntBE(value, at, size) { for (let i = size; i-- > 0; value = Math.floor(value / 256)) this[at + i] = value; return at + size; }
    writeUIntLE(value, at, size) { for (let i = 0; i < size; i++, value = Math.floor(value / 256)) this[at + i] = value; return at + size; }
  }

  function within(bytes, at) {
    if (!(at >= 0 && at < bytes.length)) throw new RangeError("The value of \"offset\" is out of range");
    return bytes[at];
  }

  function signed(value, size) {
    return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
  }

  const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kinds = [["Int8", 1], ["Uint8", 1], ["Int16", 2], ["Uint16", 2], ["Int32", 4], ["Uint32", 4],
    ["BigInt64", 8], ["BigUint64", 8], ["Float32", 4], ["Float64", 8]];
  for (const [kind, size] of kinds) {
    const named = { Float32: "Float", Float64: "Double", BigUint64: "BigUInt64" }[kind] || kind.replace("Uint", "UInt");
    for (const [end, little] of size === 1 ? [["", true]] : [["LE", true], ["BE", false]]) {
      const read = function (at) { return view(this)["get" + kind](at || 0, little); };
      const write = function (value, at) { view(this)["set" + kind](at || 0, value, little); return (at || 0) + size; };
      for (const name of new Set([named, named.replace("UInt", "Uint")])) {
        Buffer.prototype["read" + name + end] = read;
        Buffer.prototype["write" + name + end] = write;
      }
    }
  }

  global.Buffer = Buffer;
  global.atob = (text) => String.fromCharCode(...fromBase64(text));
  global.btoa = (text) => toBase64([...text].map((letter) => letter.charCodeAt(0) & 255));
  global.console = Object.fromEntries(["log", "info", "warn", "error", "debug", "trace"].map((name) => [name, () => undefined]));
})(globalThis);
