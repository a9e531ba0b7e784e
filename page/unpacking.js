// Matrices from the text that page/packing.py makes of them.
"use strict";

function unpackWeights(entries) {
  return Object.fromEntries(entries.map((entry) => [entry.name, unpackMatrix(entry)]));
}

function unpackMatrix({ shape, form, data, scale }) {
  const bytes = decodeBase64(data), [rows, columns] = shape;
  if (form === "float16") return { shape, data: float16ToFloat32(bytes) };
  const scales = float16ToFloat32(decodeBase64(scale)), out = new Float32Array(rows * columns);
  const whole = new Int8Array(bytes.buffer);
  for (let i = 0; i < out.length; i++) out[i] = whole[i] * scales[Math.floor(i / columns)];
  return { shape, data: out };
}

function decodeBase64(text) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const value = new Uint8Array(128);
  for (let i = 0; i < 64; i++) value[alphabet.charCodeAt(i)] = i;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let i = 0, j = 0; i < text.length; i += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => value[text.charCodeAt(i + k)]);
    for (const byte of [(a << 2) | (b >> 4), ((b & 15) << 4) | (c >> 2), ((c & 3) << 6) | d])
      if (j < bytes.length) bytes[j++] = byte;
  }
  return bytes;
}

function float16ToFloat32(bytes) {
  const halves = new Uint16Array(bytes.buffer), out = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i], sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity;
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return out;
}
