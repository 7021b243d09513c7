// SPDX-License-Identifier: GPL-3.0-or-later
//
// The WKV-7 recurrence for training on a CPU: forward and backward, one head after
// another in memory, parallel over batch * heads.
//
// Per head, with the state kept as S[key j][value i] (value index contiguous, so that
// every inner loop is a broadcast and a fused multiply-add):
//
//     sa[i]   = sum_j S[j][i] * a[j]                       a = -kk
//     S[j][i] = S[j][i] * w[j] + sa[i] * b[j] + v[i] * k[j]   b = kk * a_gate
//     y[i]    = sum_j S[j][i] * r[j]
//
// The forward pass keeps the state before every chunk of 16 tokens; the backward pass
// recomputes the 16 states of a chunk (256 KiB, stays in the L2 cache) from it.
// All tensors are float32, contiguous, [B, T, H, 64].
#include <torch/extension.h>

#include <math.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int N = 64;
constexpr int kChunk = 16;
using State = float[N][N];

inline void step(float (*__restrict s)[N], const float* __restrict w, const float* __restrict k,
                 const float* __restrict v, const float* __restrict a, const float* __restrict b,
                 float* __restrict sa) {
    for (int i = 0; i < N; ++i) sa[i] = 0.f;
    for (int j = 0; j < N; ++j) {
        const float aj = a[j];
        for (int i = 0; i < N; ++i) sa[i] += s[j][i] * aj;
    }
    for (int j = 0; j < N; ++j) {
        const float wj = w[j], bj = b[j], kj = k[j];
        for (int i = 0; i < N; ++i) s[j][i] = s[j][i] * wj + sa[i] * bj + v[i] * kj;
    }
}

void check(const torch::Tensor& t) {
    TORCH_CHECK(t.is_contiguous() && t.dtype() == torch::kFloat32 && t.dim() == 4 && t.size(3) == N,
                "wkv7 wants contiguous float32 [B, T, H, 64]");
}

}  // namespace

// Returns y [B, T, H, 64] and the states before each chunk [B, H, chunks, 64, 64].
std::vector<torch::Tensor> forward(torch::Tensor r, torch::Tensor w, torch::Tensor k, torch::Tensor v,
                                   torch::Tensor a, torch::Tensor b) {
    for (const auto& t : {r, w, k, v, a, b}) check(t);
    const int64_t B = r.size(0), T = r.size(1), H = r.size(2);
    const int64_t chunks = (T + kChunk - 1) / kChunk;
    auto y = torch::empty_like(r);
    auto saved = torch::empty({B, H, chunks, N, N}, r.options());
    const float *pr = r.data_ptr<float>(), *pw = w.data_ptr<float>(), *pk = k.data_ptr<float>(),
                *pv = v.data_ptr<float>(), *pa = a.data_ptr<float>(), *pb = b.data_ptr<float>();
    float *py = y.data_ptr<float>(), *ps = saved.data_ptr<float>();
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t bh = 0; bh < B * H; ++bh) {
        alignas(64) State s;
        alignas(64) float sa[N];
        std::memset(s, 0, sizeof(s));
        const int64_t bi = bh / H, h = bh % H;
        for (int64_t t = 0; t < T; ++t) {
            if (t % kChunk == 0)
                std::memcpy(ps + (bh * chunks + t / kChunk) * N * N, s, sizeof(s));
            const int64_t o = ((bi * T + t) * H + h) * N;
            step(s, pw + o, pk + o, pv + o, pa + o, pb + o, sa);
            float* __restrict yo = py + o;
            alignas(64) float acc[N] = {};
            for (int j = 0; j < N; ++j) {
                const float rj = pr[o + j];
                for (int i = 0; i < N; ++i) acc[i] += s[j][i] * rj;
            }
            std::memcpy(yo, acc, sizeof(acc));
        }
    }
    return {y, saved};
}

// Returns the gradients of r, w, k, v, a, b.
std::vector<torch::Tensor> backward(torch::Tensor r, torch::Tensor w, torch::Tensor k, torch::Tensor v,
                                    torch::Tensor a, torch::Tensor b, torch::Tensor saved, torch::Tensor dy) {
    for (const auto& t : {r, w, k, v, a, b, dy}) check(t);
    const int64_t B = r.size(0), T = r.size(1), H = r.size(2);
    const int64_t chunks = saved.size(2);
    auto dr = torch::empty_like(r), dw = torch::empty_like(r), dk = torch::empty_like(r),
         dv = torch::empty_like(r), da = torch::empty_like(r), db = torch::empty_like(r);
    const float *pr = r.data_ptr<float>(), *pw = w.data_ptr<float>(), *pk = k.data_ptr<float>(),
                *pv = v.data_ptr<float>(), *pa = a.data_ptr<float>(), *pb = b.data_ptr<float>(),
                *ps = saved.data_ptr<float>(), *pdy = dy.data_ptr<float>();
    float *pdr = dr.data_ptr<float>(), *pdw = dw.data_ptr<float>(), *pdk = dk.data_ptr<float>(),
          *pdv = dv.data_ptr<float>(), *pda = da.data_ptr<float>(), *pdb = db.data_ptr<float>();
#pragma omp parallel
    {
        // states[n] is the state before token n of the chunk, states[n + 1] the one after it
        std::vector<float> storage((kChunk + 1) * N * N + 16);
        auto* states = reinterpret_cast<State*>((reinterpret_cast<uintptr_t>(storage.data()) + 63) / 64 * 64);
        alignas(64) State ds;
        alignas(64) float sa[kChunk][N];
#pragma omp for schedule(dynamic, 1)
        for (int64_t bh = 0; bh < B * H; ++bh) {
            const int64_t bi = bh / H, h = bh % H;
            std::memset(ds, 0, sizeof(ds));
            for (int64_t c = chunks - 1; c >= 0; --c) {
                const int64_t begin = c * kChunk, end = std::min<int64_t>(T, begin + kChunk);
                std::memcpy(states[0], ps + (bh * chunks + c) * N * N, sizeof(State));
                for (int64_t t = begin; t < end; ++t) {
                    const int n = static_cast<int>(t - begin);
                    const int64_t o = ((bi * T + t) * H + h) * N;
                    std::memcpy(states[n + 1], states[n], sizeof(State));
                    step(states[n + 1], pw + o, pk + o, pv + o, pa + o, pb + o, sa[n]);
                }
                for (int64_t t = end - 1; t >= begin; --t) {
                    const int n = static_cast<int>(t - begin);
                    const int64_t o = ((bi * T + t) * H + h) * N;
                    const float(*__restrict before)[N] = states[n];
                    const float(*__restrict after)[N] = states[n + 1];
                    const float *__restrict dyo = pdy + o, *__restrict vo = pv + o, *__restrict sao = sa[n];
                    alignas(64) float dsa[N] = {}, dvo[N] = {};
                    for (int j = 0; j < N; ++j) {
                        const float rj = pr[o + j], kj = pk[o + j], bj = pb[o + j];
                        float sumR = 0, sumW = 0, sumK = 0, sumB = 0;
                        for (int i = 0; i < N; ++i) {
                            const float d = ds[j][i] + rj * dyo[i];
                            ds[j][i] = d;
                            sumR += after[j][i] * dyo[i];
                            sumW += d * before[j][i];
                            sumK += d * vo[i];
                            sumB += d * sao[i];
                            dvo[i] += d * kj;
                            dsa[i] += d * bj;
                        }
                        pdr[o + j] = sumR;
                        pdw[o + j] = sumW;
                        pdk[o + j] = sumK;
                        pdb[o + j] = sumB;
                    }
                    for (int j = 0; j < N; ++j) {
                        const float aj = pa[o + j], wj = pw[o + j];
                        float sumA = 0;
                        for (int i = 0; i < N; ++i) {
                            sumA += before[j][i] * dsa[i];
                            ds[j][i] = ds[j][i] * wj + dsa[i] * aj;
                        }
                        pda[o + j] = sumA;
                    }
                    std::memcpy(pdv + o, dvo, sizeof(dvo));
                }
            }
        }
    }
    return {dr, dw, dk, dv, da, db};
}

namespace {

// ---- token shift and the six (or one) mixes in one pass -------------------------------------

inline float load(float x) { return x; }
inline float load(c10::BFloat16 x) {
    const uint32_t u = static_cast<uint32_t>(x.x) << 16;
    float f;
    std::memcpy(&f, &u, 4);
    return f;
}
inline void store(float* p, float x) { *p = x; }
inline void store(c10::BFloat16* p, float x) {
    uint32_t u;
    std::memcpy(&u, &x, 4);
    p->x = static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

template <class A>
void mixForward(const float* x, const float* m, const std::vector<A*>& out, int64_t B, int64_t T, int64_t C) {
    const int64_t K = static_cast<int64_t>(out.size());
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < B * T; ++n) {
        const float* __restrict now = x + n * C;
        const float* __restrict before = n % T ? now - C : nullptr;
        for (int64_t q = 0; q < K; ++q) {
            const float* __restrict mq = m + q * C;
            A* __restrict o = out[q] + n * C;
            if (before)
                for (int64_t c = 0; c < C; ++c) store(o + c, now[c] + (before[c] - now[c]) * mq[c]);
            else
                for (int64_t c = 0; c < C; ++c) store(o + c, now[c] - now[c] * mq[c]);
        }
    }
}

template <class A>
void mixBackward(const float* x, const float* m, const std::vector<const A*>& dout, float* dx, float* dm, int64_t B,
                 int64_t T, int64_t C) {
    const int64_t K = static_cast<int64_t>(dout.size());
    // one row of B at a time; dm is [B, K, C]
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t b = 0; b < B; ++b) {
        float* __restrict dmb = dm + b * K * C;
        std::memset(dmb, 0, sizeof(float) * K * C);
        std::memset(dx + b * T * C, 0, sizeof(float) * T * C);
        for (int64_t t = 0; t < T; ++t) {
            const int64_t n = b * T + t;
            const float* __restrict now = x + n * C;
            float* __restrict dnow = dx + n * C;
            for (int64_t q = 0; q < K; ++q) {
                const float* __restrict mq = m + q * C;
                const A* __restrict d = dout[q] + n * C;
                float* __restrict dmq = dmb + q * C;
                if (t) {
                    const float* __restrict before = now - C;
                    float* __restrict dbefore = dnow - C;
                    for (int64_t c = 0; c < C; ++c) {
                        const float g = load(d[c]);
                        dnow[c] += g - g * mq[c];
                        dbefore[c] += g * mq[c];
                        dmq[c] += g * (before[c] - now[c]);
                    }
                } else {
                    for (int64_t c = 0; c < C; ++c) {
                        const float g = load(d[c]);
                        dnow[c] += g - g * mq[c];
                        dmq[c] -= g * now[c];
                    }
                }
            }
        }
    }
}

// ---- everything between the matrices of time mix, for one head --------------------------------

constexpr float kDecayScale = -0.606531f;
constexpr float kNormEps = 64e-5f;

enum { kW0, kA0, kV0, kKk, kKa, kRk, kLnW, kLnB, kParams };  // rows of `params` [8, C]

struct Token {  // one token, one head; all rows of 64
    alignas(64) float r[N], k[N], v[N], g[N], first[N];
    alignas(64) float sg[N], w[N], a[N], s[N], value[N], kk[N], key[N], na[N], nb[N], sa[N], y[N], norm[N];
    float inverseLength, inverseDeviation, bonus;
};

template <class A>
struct Rows {
    const A *r, *k, *v, *lw, *la, *lv, *g, *first;
    const float* params;
    int64_t C;
};

template <class A>
inline void before(Token& t, const Rows<A>& in, int64_t o, int64_t c) {
    const float *w0 = in.params + kW0 * in.C + c, *a0 = in.params + kA0 * in.C + c, *v0 = in.params + kV0 * in.C + c,
                *kk = in.params + kKk * in.C + c, *ka = in.params + kKa * in.C + c;
    float length = 0;
    for (int i = 0; i < N; ++i) {
        t.r[i] = load(in.r[o + i]);
        t.k[i] = load(in.k[o + i]);
        t.v[i] = load(in.v[o + i]);
        t.g[i] = load(in.g[o + i]);
    }
    for (int i = 0; i < N; ++i) t.sg[i] = 1.f / (1.f + expf(-(w0[i] + load(in.lw[o + i]))));
    for (int i = 0; i < N; ++i) t.w[i] = expf(kDecayScale * t.sg[i]);
    for (int i = 0; i < N; ++i) t.a[i] = 1.f / (1.f + expf(-(a0[i] + load(in.la[o + i]))));
    if (in.lv) {
        for (int i = 0; i < N; ++i) t.s[i] = 1.f / (1.f + expf(-(v0[i] + load(in.lv[o + i]))));
        for (int i = 0; i < N; ++i) {
            t.first[i] = load(in.first[o + i]);
            t.value[i] = t.v[i] + (t.first[i] - t.v[i]) * t.s[i];
        }
    } else {
        for (int i = 0; i < N; ++i) t.value[i] = t.v[i];
    }
    for (int i = 0; i < N; ++i) {
        t.kk[i] = t.k[i] * kk[i];
        length += t.kk[i] * t.kk[i];
    }
    t.inverseLength = 1.f / std::max(sqrtf(length), 1e-12f);
    for (int i = 0; i < N; ++i) {
        t.kk[i] *= t.inverseLength;
        t.key[i] = t.k[i] * (1.f + (t.a[i] - 1.f) * ka[i]);
        t.na[i] = -t.kk[i];
        t.nb[i] = t.kk[i] * t.a[i];
    }
}

inline void read(Token& t, const float (*__restrict s)[N], const float* rk) {
    alignas(64) float acc[N] = {};
    for (int j = 0; j < N; ++j) {
        const float rj = t.r[j];
        for (int i = 0; i < N; ++i) acc[i] += s[j][i] * rj;
    }
    float mean = 0, square = 0, bonus = 0;
    for (int i = 0; i < N; ++i) {
        mean += acc[i];
        bonus += t.r[i] * t.key[i] * rk[i];
    }
    mean /= N;
    for (int i = 0; i < N; ++i) square += (acc[i] - mean) * (acc[i] - mean);
    t.inverseDeviation = 1.f / sqrtf(square / N + kNormEps);
    t.bonus = bonus;
    for (int i = 0; i < N; ++i) t.norm[i] = (acc[i] - mean) * t.inverseDeviation;
}

template <class A>
void coreForward(const Rows<A>& in, A* out, float* saved, int64_t B, int64_t T) {
    const int64_t H = in.C / N, chunks = (T + kChunk - 1) / kChunk;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t bh = 0; bh < B * H; ++bh) {
        alignas(64) State s;
        Token t;
        std::memset(s, 0, sizeof(s));
        const int64_t bi = bh / H, c = bh % H * N;
        const float *rk = in.params + kRk * in.C + c, *lnw = in.params + kLnW * in.C + c,
                    *lnb = in.params + kLnB * in.C + c;
        for (int64_t n = 0; n < T; ++n) {
            if (n % kChunk == 0) std::memcpy(saved + (bh * chunks + n / kChunk) * N * N, s, sizeof(s));
            const int64_t o = (bi * T + n) * in.C + c;
            before(t, in, o, c);
            step(s, t.w, t.key, t.value, t.na, t.nb, t.sa);
            read(t, s, rk);
            for (int i = 0; i < N; ++i)
                store(out + o + i, (t.norm[i] * lnw[i] + lnb[i] + t.bonus * t.value[i]) * t.g[i]);
        }
    }
}

template <class A>
struct Grads {
    A *r, *k, *v, *lw, *la, *lv, *g, *first;
    float* params;  // [B, 8, C]
};

template <class A>
void coreBackward(const Rows<A>& in, const float* saved, const A* dout, const Grads<A>& d, int64_t B, int64_t T) {
    const int64_t H = in.C / N, chunks = (T + kChunk - 1) / kChunk, C = in.C;
#pragma omp parallel
    {
        std::vector<float> storage((kChunk + 1) * N * N + 16);
        auto* states = reinterpret_cast<State*>((reinterpret_cast<uintptr_t>(storage.data()) + 63) / 64 * 64);
        alignas(64) State ds;
        alignas(64) Token tokens[kChunk];
#pragma omp for schedule(dynamic, 1)
        for (int64_t bh = 0; bh < B * H; ++bh) {
            const int64_t bi = bh / H, c = bh % H * N;
            const float *kkp = in.params + kKk * C + c, *ka = in.params + kKa * C + c, *rk = in.params + kRk * C + c,
                        *lnw = in.params + kLnW * C + c, *lnb = in.params + kLnB * C + c;
            alignas(64) float sum[kParams][N] = {};
            std::memset(ds, 0, sizeof(ds));
            for (int64_t ch = chunks - 1; ch >= 0; --ch) {
                const int64_t begin = ch * kChunk, end = std::min<int64_t>(T, begin + kChunk);
                std::memcpy(states[0], saved + (bh * chunks + ch) * N * N, sizeof(State));
                for (int64_t n = begin; n < end; ++n) {
                    const int64_t m = n - begin;
                    before(tokens[m], in, (bi * T + n) * C + c, c);
                    std::memcpy(states[m + 1], states[m], sizeof(State));
                    Token& t = tokens[m];
                    step(states[m + 1], t.w, t.key, t.value, t.na, t.nb, t.sa);
                    read(t, states[m + 1], rk);
                }
                for (int64_t n = end - 1; n >= begin; --n) {
                    const int64_t m = n - begin, o = (bi * T + n) * C + c;
                    const Token& t = tokens[m];
                    const float(*__restrict old)[N] = states[m];
                    const float(*__restrict now)[N] = states[m + 1];
                    alignas(64) float dy[N], dvalue[N], dr[N], dkey[N], dw[N], da[N], dnb[N], dsa[N] = {}, dna[N];
                    // gate, bonus, group norm
                    float dbonus = 0, mean = 0, dot = 0;
                    for (int i = 0; i < N; ++i) {
                        const float g = load(dout[o + i]);
                        const float z = t.norm[i] * lnw[i] + lnb[i] + t.bonus * t.value[i];
                        store(d.g + o + i, g * z);
                        const float dz = g * t.g[i];
                        sum[kLnW][i] += dz * t.norm[i];
                        sum[kLnB][i] += dz;
                        dvalue[i] = dz * t.bonus;
                        dbonus += dz * t.value[i];
                        dy[i] = dz * lnw[i];
                        mean += dy[i];
                        dot += dy[i] * t.norm[i];
                    }
                    mean /= N;
                    dot /= N;
                    for (int i = 0; i < N; ++i) {
                        dy[i] = t.inverseDeviation * (dy[i] - mean - t.norm[i] * dot);
                        dr[i] = dbonus * t.key[i] * rk[i];
                        dkey[i] = dbonus * t.r[i] * rk[i];
                        sum[kRk][i] += dbonus * t.r[i] * t.key[i];
                    }
                    // the recurrence
                    for (int j = 0; j < N; ++j) {
                        const float rj = t.r[j], kj = t.key[j], bj = t.nb[j];
                        float sumR = 0, sumW = 0, sumK = 0, sumB = 0;
                        for (int i = 0; i < N; ++i) {
                            const float e = ds[j][i] + rj * dy[i];
                            ds[j][i] = e;
                            sumR += now[j][i] * dy[i];
                            sumW += e * old[j][i];
                            sumK += e * t.value[i];
                            sumB += e * t.sa[i];
                            dvalue[i] += e * kj;
                            dsa[i] += e * bj;
                        }
                        dr[j] += sumR;
                        dw[j] = sumW;
                        dkey[j] += sumK;
                        dnb[j] = sumB;
                    }
                    for (int j = 0; j < N; ++j) {
                        const float aj = t.na[j], wj = t.w[j];
                        float sumA = 0;
                        for (int i = 0; i < N; ++i) {
                            sumA += old[j][i] * dsa[i];
                            ds[j][i] = ds[j][i] * wj + dsa[i] * aj;
                        }
                        dna[j] = sumA;
                    }
                    // what came before it
                    float project = 0;
                    alignas(64) float dkk[N];
                    for (int i = 0; i < N; ++i) {
                        dkk[i] = -dna[i] + dnb[i] * t.a[i];
                        project += dkk[i] * t.kk[i];
                        da[i] = dnb[i] * t.kk[i] + dkey[i] * t.k[i] * ka[i];
                        sum[kKa][i] += dkey[i] * t.k[i] * (t.a[i] - 1.f);
                    }
                    for (int i = 0; i < N; ++i) {
                        const float raw = (dkk[i] - t.kk[i] * project) * t.inverseLength;
                        sum[kKk][i] += raw * t.k[i];
                        store(d.k + o + i, raw * kkp[i] + dkey[i] * (1.f + (t.a[i] - 1.f) * ka[i]));
                        store(d.r + o + i, dr[i]);
                        const float dla = da[i] * t.a[i] * (1.f - t.a[i]);
                        const float dlw = dw[i] * t.w[i] * kDecayScale * t.sg[i] * (1.f - t.sg[i]);
                        store(d.la + o + i, dla);
                        store(d.lw + o + i, dlw);
                        sum[kA0][i] += dla;
                        sum[kW0][i] += dlw;
                    }
                    if (in.lv) {
                        for (int i = 0; i < N; ++i) {
                            const float dlv = dvalue[i] * (t.first[i] - t.v[i]) * t.s[i] * (1.f - t.s[i]);
                            store(d.v + o + i, dvalue[i] * (1.f - t.s[i]));
                            store(d.first + o + i, dvalue[i] * t.s[i]);
                            store(d.lv + o + i, dlv);
                            sum[kV0][i] += dlv;
                        }
                    } else {
                        for (int i = 0; i < N; ++i) store(d.v + o + i, dvalue[i]);
                    }
                }
            }
            for (int p = 0; p < kParams; ++p)
                std::memcpy(d.params + (bi * kParams + p) * C + c, sum[p], sizeof(sum[p]));
        }
    }
}

template <class A>
const A* pointer(const torch::Tensor& t) {
    return t.defined() ? t.data_ptr<A>() : nullptr;
}

template <class A>
Rows<A> rows(const std::vector<torch::Tensor>& t, const torch::Tensor& params) {
    return {pointer<A>(t[0]), pointer<A>(t[1]), pointer<A>(t[2]), pointer<A>(t[3]),
            pointer<A>(t[4]), pointer<A>(t[5]), pointer<A>(t[6]), pointer<A>(t[7]),
            params.data_ptr<float>(), params.size(1)};
}

}  // namespace

std::vector<torch::Tensor> mixFwd(torch::Tensor x, torch::Tensor m, bool half) {
    TORCH_CHECK(x.is_contiguous() && m.is_contiguous() && x.dtype() == torch::kFloat32);
    std::vector<torch::Tensor> out;
    for (int64_t i = 0; i < m.size(0); ++i)
        out.push_back(torch::empty(x.sizes(), x.options().dtype(half ? torch::kBFloat16 : torch::kFloat32)));
    const auto run = [&](auto zero) {
        std::vector<decltype(zero)*> p;
        for (auto& t : out) p.push_back(t.template data_ptr<decltype(zero)>());
        mixForward(x.data_ptr<float>(), m.data_ptr<float>(), p, x.size(0), x.size(1), x.size(2));
    };
    half ? run(c10::BFloat16()) : run(0.f);
    return out;
}

std::vector<torch::Tensor> mixBwd(torch::Tensor x, torch::Tensor m, std::vector<torch::Tensor> dout) {
    auto dx = torch::empty_like(x);
    auto dm = torch::empty({x.size(0), m.size(0), m.size(1)}, m.options());
    const auto run = [&](auto zero) {
        std::vector<const decltype(zero)*> p;
        for (auto& t : dout) p.push_back(t.template data_ptr<decltype(zero)>());
        mixBackward(x.data_ptr<float>(), m.data_ptr<float>(), p, dx.data_ptr<float>(), dm.data_ptr<float>(), x.size(0),
                    x.size(1), x.size(2));
    };
    dout[0].dtype() == torch::kBFloat16 ? run(c10::BFloat16()) : run(0.f);
    return {dx, dm.sum(0)};
}

// in: r, k, v, lw, la, lv, g, v_first, all [B, T, C] of one dtype; lv and v_first have no elements in layer 0
std::vector<torch::Tensor> coreFwd(std::vector<torch::Tensor> in, torch::Tensor params) {
    for (auto& t : in) {
        TORCH_CHECK(t.is_contiguous() && t.dtype() == in[0].dtype());
        if (!t.numel()) t = torch::Tensor();
    }
    const int64_t B = in[0].size(0), T = in[0].size(1), C = in[0].size(2);
    TORCH_CHECK(params.is_contiguous() && params.size(0) == kParams && params.size(1) == C && C % N == 0);
    auto out = torch::empty_like(in[0]);
    auto saved = torch::empty({B, C / N, (T + kChunk - 1) / kChunk, N, N}, params.options());
    if (in[0].dtype() == torch::kBFloat16)
        coreForward(rows<c10::BFloat16>(in, params), out.data_ptr<c10::BFloat16>(), saved.data_ptr<float>(), B, T);
    else
        coreForward(rows<float>(in, params), out.data_ptr<float>(), saved.data_ptr<float>(), B, T);
    return {out, saved};
}

// gradients of r, k, v, lw, la, lv, g, v_first, params
std::vector<torch::Tensor> coreBwd(std::vector<torch::Tensor> in, torch::Tensor params, torch::Tensor saved,
                                   torch::Tensor dout) {
    std::vector<torch::Tensor> out;
    for (auto& t : in) {
        out.push_back(torch::empty_like(t));
        if (!t.numel()) t = torch::Tensor();
    }
    const int64_t B = in[0].size(0), T = in[0].size(1), C = in[0].size(2);
    auto sums = torch::empty({B, kParams, C}, params.options());
    const auto run = [&](auto zero) {
        using A = decltype(zero);
        const auto p = [&](int i) { return out[i].numel() ? out[i].template data_ptr<A>() : nullptr; };
        const Grads<A> grads{p(0), p(1), p(2), p(3), p(4), p(5), p(6), p(7), sums.data_ptr<float>()};
        coreBackward(rows<A>(in, params), saved.data_ptr<float>(), dout.data_ptr<A>(), grads, B, T);
    };
    dout.dtype() == torch::kBFloat16 ? run(c10::BFloat16()) : run(0.f);
    out.push_back(sums.sum(0));
    return out;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
    m.def("forward", &forward, "WKV-7 forward (CPU)");
    m.def("backward", &backward, "WKV-7 backward (CPU)");
    m.def("mix_forward", &mixFwd, "token shift and mixes");
    m.def("mix_backward", &mixBwd, "their gradients");
    m.def("core_forward", &coreFwd, "time mix between its matrices");
    m.def("core_backward", &coreBwd, "its gradients");
}
