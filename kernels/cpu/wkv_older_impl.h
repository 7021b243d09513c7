// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrences of generations 4 to 6. Part of ops_impl.h, which includes it inside its own unnamed namespace.

// Channels do not meet, so a vector of them runs through all tokens with its state in registers.
void wkv4(const Wkv4Args& a) {
  for (std::int64_t i = 0; i < a.n; i += Vec::kLanes) {
    const Vec decay = Vec::zero() - expVec(Vec::load(a.decay + i)), first = Vec::load(a.first + i);
    Vec aa = Vec::load(a.aa.in + i), bb = Vec::load(a.bb.in + i), pp = Vec::load(a.pp.in + i);
    for (std::int64_t t = 0; t < a.tokens; ++t) {
      const std::int64_t at = t * a.ld + i;
      const Vec k = Vec::load(a.k + at), v = Vec::load(a.v + at);
      const Vec now = first + k;
      Vec most = Vec::max(pp, now);
      Vec before = expVec(pp - most), here = expVec(now - most);
      const Vec mean = Vec::fma(before, aa, here * v) / Vec::fma(before, bb, here);
      (Vec::load(a.r + at) * mean).store(a.out + at);
      const Vec decayed = decay + pp;
      most = Vec::max(decayed, k);
      before = expVec(decayed - most);
      here = expVec(k - most);
      aa = Vec::fma(before, aa, here * v);
      bb = Vec::fma(before, bb, here);
      pp = most;
    }
    aa.store(a.aa.out + i);
    bb.store(a.bb.out + i);
    pp.store(a.pp.out + i);
  }
}

// What one token brings to one head besides its rows.
struct LinearToken {
  alignas(64) float w[kMaxHead], y[kMaxHead];
  const float* r;
  const float* k;
  const float* v;
};

// N vectors of value channels, all keys: y = r (S + u k v), S = w S + k v, with S[key][value].
template <int N>
void linearStrip(const float* in, float* out, const float* first, int n, int at, LinearToken& h) {
  Vec y[N], v[N];
  ROOKERY_UNROLL
  for (int i = 0; i < N; ++i) {
    y[i] = Vec::zero();
    v[i] = Vec::load(h.v + at + i * Vec::kLanes);
  }
  for (int j = 0; j < n; ++j) {
    const Vec w = Vec::set(h.w[j]), u = Vec::set(first[j]), k = Vec::set(h.k[j]), r = Vec::set(h.r[j]);
    ROOKERY_UNROLL
    for (int i = 0; i < N; ++i) {
      const Vec s = Vec::load(in + j * n + at + i * Vec::kLanes), kv = k * v[i];
      y[i] = Vec::fma(r, Vec::fma(u, kv, s), y[i]);
      Vec::fma(w, s, kv).store(out + j * n + at + i * Vec::kLanes);
    }
  }
  ROOKERY_UNROLL
  for (int i = 0; i < N; ++i) y[i].store(h.y + at + i * Vec::kLanes);
}

void wkv5(const Wkv5Args& a) {
  LinearToken h;
  const Vec zero = Vec::zero();
  const float* state = a.stateIn;
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    if (t == 0 || a.decayLora != nullptr) {
      for (int i = 0; i < a.n; i += Vec::kLanes) {
        Vec decay = Vec::load(a.decay + i);
        if (a.decayLora != nullptr) decay = decay + Vec::load(a.decayLora + t * a.ldLora + i);
        expVec(zero - expVec(decay)).store(h.w + i);
      }
    }
    h.r = a.r + t * a.ld;
    h.k = a.k + t * a.ld;
    h.v = a.v + t * a.ld;
    int at = 0;
    for (; at + 4 * Vec::kLanes <= a.n; at += 4 * Vec::kLanes) linearStrip<4>(state, a.stateOut, a.first, a.n, at, h);
    for (; at < a.n; at += Vec::kLanes) linearStrip<1>(state, a.stateOut, a.first, a.n, at, h);
    state = a.stateOut;
    float* out = a.out + t * a.ld;
    normalise(h.y, a.lnWeight, a.lnBias, a.n, 64e-5F, out);
    if (a.gate == nullptr) continue;
    const float* gate = a.gate + t * a.ld;
    for (int i = 0; i < a.n; i += Vec::kLanes) (Vec::load(out + i) * Vec::load(gate + i)).store(out + i);
  }
}
