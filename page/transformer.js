// The forward pass of model/transformer.py for one document, without padding: all that the network's settings offer.
//
// A matrix is { shape: [rows, columns], data: Float32Array }, row by row, as torch keeps it. Rows are positions.
"use strict";

class Transformer {
  // config: the settings of model/config.py. weights: matrices by torch's names, such as "embedding.weight".
  constructor(config, weights) {
    this.config = config;
    this.weights = weights;
    this.head = weights["head.weight"] || weights["embedding.weight"]; // tied
  }

  // tokens: int[t]; visibility: "causal" or "full". Returns
  //   hidden: [t, d] before the output matrix
  //   residuals: the residual stream [t, d] after the embedding and after each layer
  //   attention: for each layer and head, [t, t]: what each position (row) attends to
  run(tokens, visibility) {
    const { depth, recurrence } = this.config;
    let x = this.embed(tokens);
    const residuals = [x], attention = [];
    for (let i = 0; i < depth * recurrence; i++) {
      const layer = `layers.${i % depth}`;
      const { out, heads } = this.attend(layer, this.norm(`${layer}.norm_attention`, x), visibility);
      x = add(x, out);
      x = add(x, this.feedForward(layer, this.norm(`${layer}.norm_feed_forward`, x)));
      residuals.push(x);
      attention.push(heads);
    }
    return { hidden: this.norm("norm", x), residuals, attention };
  }

  // Log-probabilities over the vocabulary, in nats, at one position of hidden[t, d].
  logProbs(hidden, position) {
    return logSoftmax(multiply(rows(hidden, position, position + 1), this.head).data);
  }

  // The same from a residual stream: what the network would predict if it ended there.
  lens(residual, position) {
    return this.logProbs(this.norm("norm", residual), position);
  }

  embed(tokens) {
    const table = this.weights["embedding.weight"], d = this.config.width;
    const x = matrix(tokens.length, d);
    tokens.forEach((token, t) => x.data.set(table.data.subarray(token * d, (token + 1) * d), t * d));
    if (this.config.position !== "learned") return x;
    return add(x, rows(this.weights["position.table.weight"], 0, tokens.length));
  }

  attend(layer, x, visibility) {
    const { width: d, heads } = this.config, t = x.shape[0], size = d / heads, name = `${layer}.attention`;
    const mixes = this.config.convolution > 1;
    let query = this.linear(`${name}.query`, x), keyValue = this.linear(`${name}.key_value`, x);
    if (mixes) query = this.convolve(`${name}.mix_query`, query, visibility);
    if (mixes) keyValue = this.convolve(`${name}.mix_key_value`, keyValue, visibility);
    const mixed = matrix(t, d), all = [];
    for (let h = 0; h < heads; h++) {
      const q = this.rotate(columns(query, h * size, (h + 1) * size));
      const k = this.rotate(columns(keyValue, h * size, (h + 1) * size));
      const v = columns(keyValue, d + h * size, d + (h + 1) * size);
      const scores = multiply(q, k);
      for (let i = 0; i < t; i++)
        for (let j = 0; j < t; j++) {
          const visible = visibility === "full" || j <= i;
          const scaled = scores.data[i * t + j] / Math.sqrt(size) + this.bias(h, i, j, t);
          scores.data[i * t + j] = visible ? scaled : -Infinity;
        }
      for (let i = 0; i < t; i++) {
        const row = logSoftmax(scores.data.subarray(i * t, (i + 1) * t)).map(Math.exp);
        scores.data.set(row, i * t);
        for (let j = 0; j < t; j++)
          for (let c = 0; c < size; c++) mixed.data[i * d + h * size + c] += row[j] * v.data[j * size + c];
      }
      all.push(scores);
    }
    return { out: this.linear(`${name}.out`, mixed), heads: all };
  }

  // Rotary positions: pairs of features are turned by an angle that grows with the position.
  rotate(x) {
    if (this.config.position !== "rotary") return x;
    const [t, size] = x.shape, out = matrix(t, size);
    for (let i = 0; i < t; i++)
      for (let pair = 0; pair < size / 2; pair++) {
        const angle = i * Math.pow(this.config.rotary_base, -pair / (size / 2));
        const [re, im] = [x.data[i * size + 2 * pair], x.data[i * size + 2 * pair + 1]];
        out.data[i * size + 2 * pair] = re * Math.cos(angle) - im * Math.sin(angle);
        out.data[i * size + 2 * pair + 1] = re * Math.sin(angle) + im * Math.cos(angle);
      }
    return out;
  }

  // What is added to the score of head h, for query position i and key position j.
  bias(h, i, j) {
    const offset = j - i, { position, heads } = this.config;
    if (position === "alibi") return (offset > 0 ? -0.5 * offset : offset) * Math.pow(2, (-8 * (h + 1)) / heads);
    if (position !== "relative") return 0;
    const table = this.weights["position.table.weight"], farthest = (table.shape[0] - 1) / 2;
    return table.data[(Math.max(-farthest, Math.min(farthest, offset)) + farthest) * heads + h];
  }

  // Each position mixed with its neighbours, channel by channel.
  convolve(name, x, visibility) {
    const own = this.weights[`${name}.own`].data, neighbours = this.weights[`${name}.neighbours`].data;
    const [t, channels] = x.shape, size = this.config.convolution, out = matrix(t, channels);
    const toRight = visibility === "full" ? Math.floor((size - 1) / 2) : 0;
    const offsets = [];
    for (let offset = toRight - size + 1; offset <= toRight; offset++) if (offset) offsets.push(offset);
    for (let i = 0; i < t; i++)
      for (let c = 0; c < channels; c++) {
        let sum = x.data[i * channels + c] * own[c];
        offsets.forEach((offset, n) => {
          const j = i + offset;
          if (j >= 0 && j < t) sum += x.data[j * channels + c] * neighbours[n * channels + c];
        });
        out.data[i * channels + c] = sum;
      }
    return out;
  }

  feedForward(layer, x) {
    const name = `${layer}.feed_forward`, up = this.linear(`${name}.up`, x);
    if (this.config.feed_forward === "swiglu") {
      const gate = this.linear(`${name}.gate`, x);
      up.data.forEach((value, i) => (up.data[i] = value * (gate.data[i] / (1 + Math.exp(-gate.data[i])))));
    } else {
      up.data.forEach((value, i) => (up.data[i] = gelu(value)));
    }
    return this.linear(`${name}.out`, up);
  }

  norm(name, x) {
    const weight = this.weights[`${name}.weight`].data, bias = this.weights[`${name}.bias`];
    const [t, d] = x.shape, out = matrix(t, d), centres = this.config.norm === "layer";
    for (let i = 0; i < t; i++) {
      const row = x.data.subarray(i * d, (i + 1) * d);
      const mean = centres ? row.reduce((a, b) => a + b, 0) / d : 0;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / d;
      const scale = 1 / Math.sqrt(variance + (centres ? 1e-5 : 1e-6));
      for (let c = 0; c < d; c++) out.data[i * d + c] = (row[c] - mean) * scale * weight[c] + (bias ? bias.data[c] : 0);
    }
    return out;
  }

  linear(name, x) {
    const out = multiply(x, this.weights[`${name}.weight`]), bias = this.weights[`${name}.bias`];
    if (bias) out.data.forEach((_, i) => (out.data[i] += bias.data[i % bias.data.length]));
    return out;
  }
}

function matrix(rows, columns) {
  return { shape: [rows, columns], data: new Float32Array(rows * columns) };
}

// x[t, d] times the transpose of w[n, d]: [t, n], as torch's Linear.
function multiply(x, w) {
  const [t, d] = x.shape, n = w.shape[0], out = matrix(t, n);
  for (let i = 0; i < t; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += x.data[i * d + c] * w.data[j * d + c];
      out.data[i * n + j] = sum;
    }
  return out;
}

function add(a, b) {
  return { shape: a.shape, data: a.data.map((value, i) => value + b.data[i]) };
}

function rows(x, from, to) {
  const d = x.shape[1];
  return { shape: [to - from, d], data: x.data.slice(from * d, to * d) };
}

function columns(x, from, to) {
  const [t, d] = x.shape, size = to - from, out = matrix(t, size);
  for (let i = 0; i < t; i++) out.data.set(x.data.subarray(i * d + from, i * d + to), i * size);
  return out;
}

// GPT-2's, in its tanh form.
function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function logSoftmax(scores) {
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
  return scores.map((score) => score - highest - Math.log(total));
}
