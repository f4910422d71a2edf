// The mathematical functions of CUDA in single and double precision, against the host's in double.
#include "check.h"

constexpr int functions = 12;

template <typename T> __global__ void evaluate(const T *in, T *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    T x = in[i], *o = out + i * functions;
    o[0] = sin(x), o[1] = cos(x), o[2] = exp(x), o[3] = log(fabs(x) + T(0.5));
    o[4] = pow(fabs(x) + T(0.5), T(1.75)), o[5] = tanh(x), o[6] = atan2(x, T(2));
    o[7] = cbrt(x), o[8] = erf(x), o[9] = hypot(x, T(3)), o[10] = rsqrt(fabs(x) + T(1));
    o[11] = fmod(x, T(0.7));
}

void reference(double x, double *o) {
    o[0] = sin(x), o[1] = cos(x), o[2] = exp(x), o[3] = log(fabs(x) + 0.5);
    o[4] = pow(fabs(x) + 0.5, 1.75), o[5] = tanh(x), o[6] = atan2(x, 2);
    o[7] = cbrt(x), o[8] = erf(x), o[9] = hypot(x, 3), o[10] = 1 / sqrt(fabs(x) + 1);
}

template <typename T> void run(const char *kind, double tolerance) {
    static const char *const names[] = {"sin", "cos", "exp", "log", "pow", "tanh",
                                        "atan2", "cbrt", "erf", "hypot", "rsqrt", "fmod"};
    const int n = 1500;
    Random random(23);
    std::vector<T> in(n);
    for (T &v : in) v = static_cast<T>(random.unit() * 12);
    // Far arguments take the slow way of reducing an angle.
    in[0] = T(0), in[1] = T(1e6), in[2] = T(-3e7);
    Device<T> din(in), dout(n * functions);
    evaluate<<<blocks(n, 64), 64>>>(din.pointer, dout.pointer, n);
    CHECK(cudaGetLastError());
    std::vector<T> out = dout.download();
    for (int f = 0; f < functions; f++) {
        double worst = 0;
        for (int i = 0; i < n; i++) {
            double o[functions];
            reference(in[i], o);
            o[11] = fmod(double(in[i]), double(T(0.7)));
            if ((f == 2 || f == 4 || f == 11) && i > 0 && i < 3) continue;
            double error = std::fabs(double(out[i * functions + f]) - o[f]) / std::fmax(1e-2, std::fabs(o[f]));
            if (!(error <= worst)) worst = error;
        }
        char what[40];
        snprintf(what, sizeof what, "%s of %s", names[f], kind);
        expect(worst <= tolerance, what);
    }
}

int main() {
    run<float>("float", 2e-6);
    run<double>("double", 5e-15);
    return finish();
}
