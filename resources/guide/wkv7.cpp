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

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
    m.def("forward", &forward, "WKV-7 forward (CPU)");
    m.def("backward", &backward, "WKV-7 backward (CPU)");
}
