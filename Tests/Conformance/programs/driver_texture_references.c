// Texture and surface references, which older programs bind by name.
#include "driver.h"

static const char ptx[] =
    ".version 7.0\n"
    ".target sm_75\n"
    ".address_size 64\n"
    ".global .texref image;\n"
    ".global .surfref canvas;\n"
    ".visible .entry read(.param .u64 p_out, .param .u32 p_rows)\n"
    "{\n"
    "  .reg .b32 %r<6>;\n"
    "  .reg .f32 %f<7>;\n"
    "  .reg .b64 %rd<4>;\n"
    "  ld.param.u64 %rd1, [p_out];\n"
    "  mov.u32 %r1, %tid.x;\n"
    "  and.b32 %r2, %r1, 7;\n"
    "  shr.u32 %r3, %r1, 3;\n"
    "  cvt.rn.f32.u32 %f1, %r2;\n"
    "  cvt.rn.f32.u32 %f2, %r3;\n"
    "  add.f32 %f1, %f1, 0f3F000000;\n"
    "  add.f32 %f2, %f2, 0f3F000000;\n"
    "  tex.2d.v4.f32.f32 {%f3, %f4, %f5, %f6}, [image, {%f1, %f2}];\n"
    "  mul.wide.u32 %rd2, %r1, 4;\n"
    "  add.s64 %rd3, %rd1, %rd2;\n"
    "  st.global.f32 [%rd3], %f3;\n"
    "  ret;\n"
    "}\n"
    ".visible .entry line(.param .u64 p_out)\n"
    "{\n"
    "  .reg .b32 %r<3>;\n"
    "  .reg .f32 %f<5>;\n"
    "  .reg .b64 %rd<4>;\n"
    "  ld.param.u64 %rd1, [p_out];\n"
    "  mov.u32 %r1, %tid.x;\n"
    "  tex.1d.v4.f32.s32 {%f1, %f2, %f3, %f4}, [image, {%r1}];\n"
    "  mul.wide.u32 %rd2, %r1, 4;\n"
    "  add.s64 %rd3, %rd1, %rd2;\n"
    "  st.global.f32 [%rd3], %f1;\n"
    "  ret;\n"
    "}\n"
    ".visible .entry draw()\n"
    "{\n"
    "  .reg .b32 %r<5>;\n"
    "  mov.u32 %r1, %tid.x;\n"
    "  and.b32 %r2, %r1, 7;\n"
    "  shl.b32 %r2, %r2, 2;\n"
    "  shr.u32 %r3, %r1, 3;\n"
    "  mul.lo.u32 %r4, %r1, 3;\n"
    "  sust.b.2d.b32.trap [canvas, {%r2, %r3}], {%r4};\n"
    "  ret;\n"
    "}\n";

enum { w = 8, h = 6 };

static float values[w * h], found[w * h];

static int run(CUmodule module, const char *name, int threads) {
    CUfunction function;
    CUdeviceptr out;
    unsigned rows = h;
    CHECK(cuMemAlloc(&out, sizeof found));
    CHECK(cuMemsetD32(out, 0, w * h));
    void *parameters[] = {&out, &rows};
    CHECK(cuModuleGetFunction(&function, module, name));
    CHECK(cuLaunchKernel(function, 1, 1, 1, threads, 1, 1, 0, NULL, parameters, NULL));
    CHECK(cuMemcpyDtoH(found, out, sizeof found));
    CHECK(cuMemFree(out));
    return memcmp(found, values, threads * 4) == 0;
}

static void textures(CUmodule module) {
    CUtexref image, same;
    CUarray array, bound = NULL;
    CUdeviceptr memory, seen = 0;
    size_t offset = 77, pitch;
    CHECK(cuModuleGetTexRef(&image, module, "image"));
    CHECK(cuModuleGetTexRef(&same, module, "image"));
    expect(image == same, "one reference of a name");
    SHOW(cuModuleGetTexRef(&same, module, "other"));
    SHOW(cuModuleGetTexRef(&same, module, ""));
    SHOW(cuModuleGetTexRef(NULL, module, "image"));
    SHOW(cuModuleGetTexRef(&same, NULL, "image"));
    SHOW(cuTexRefGetArray(&bound, image));
    for (int i = 0; i < w * h; i++) values[i] = i * 1.25f - 7;

    CUDA_ARRAY_DESCRIPTOR how = {w, h, CU_AD_FORMAT_FLOAT, 1};
    CHECK(cuArrayCreate(&array, &how));
    CHECK(cuMemcpyHtoA(array, 0, values, sizeof values));
    CHECK(cuTexRefSetArray(image, array, CU_TRSA_OVERRIDE_FORMAT));
    CHECK(cuTexRefGetArray(&bound, image));
    expect(bound == array, "the array that is bound");
    expect(run(module, "read", w * h), "an array");

    CHECK(cuMemAllocPitch(&memory, &pitch, w * 4, h, 4));
    for (int y = 0; y < h; y++) CHECK(cuMemcpyHtoD(memory + y * pitch, values + y * w, w * 4));
    for (int i = 0; i < w * h; i++) values[i] = -values[i];
    for (int y = 0; y < h; y++) CHECK(cuMemcpyHtoD(memory + y * pitch, values + y * w, w * 4));
    CHECK(cuTexRefSetAddress2D(image, &how, memory, pitch));
    expect(run(module, "read", w * h), "pitched memory");
    CHECK(cuTexRefGetAddress(&seen, image));
    expect(seen == memory, "the memory that is bound");
    SHOW(cuTexRefGetArray(&bound, image));

    CHECK(cuTexRefSetFormat(image, CU_AD_FORMAT_FLOAT, 1));
    CHECK(cuTexRefSetAddress(&offset, image, memory, w * 4));
    expect(offset == 0 && run(module, "line", w), "linear memory");
    SHOW(cuTexRefSetAddress(NULL, image, (CUdeviceptr)&offset, 64));
    SHOW(cuTexRefSetAddress(NULL, image, memory, (size_t)1 << 50));

    CUaddress_mode mode;
    CUfilter_mode filter;
    CUarray_format format;
    int channels = 0;
    unsigned flags = 0;
    float border[4] = {1, 2, 3, 4}, color[4] = {0};
    CHECK(cuTexRefSetAddressMode(image, 1, CU_TR_ADDRESS_MODE_MIRROR));
    CHECK(cuTexRefGetAddressMode(&mode, image, 1));
    CHECK(cuTexRefSetFilterMode(image, CU_TR_FILTER_MODE_POINT));
    CHECK(cuTexRefGetFilterMode(&filter, image));
    CHECK(cuTexRefSetFlags(image, CU_TRSF_READ_AS_INTEGER));
    CHECK(cuTexRefGetFlags(&flags, image));
    CHECK(cuTexRefSetBorderColor(image, border));
    CHECK(cuTexRefGetBorderColor(color, image));
    CHECK(cuTexRefGetFormat(&format, &channels, image));
    CHECK(cuTexRefGetFormat(NULL, NULL, image));
    expect(mode == CU_TR_ADDRESS_MODE_MIRROR && filter == CU_TR_FILTER_MODE_POINT && flags == CU_TRSF_READ_AS_INTEGER &&
               memcmp(border, color, sizeof color) == 0 && format == CU_AD_FORMAT_FLOAT && channels == 1, "what was set");
    SHOW(cuTexRefSetFilterMode(image, (CUfilter_mode)5));
    SHOW(cuTexRefSetAddressMode(image, 9, CU_TR_ADDRESS_MODE_CLAMP));
    SHOW(cuTexRefSetFormat(image, (CUarray_format)0x55, 1));
    SHOW(cuTexRefSetFlags(NULL, 0));
    CHECK(cuArrayDestroy(array));
    SHOW(cuTexRefSetArray(image, array, CU_TRSA_OVERRIDE_FORMAT));
    CHECK(cuMemFree(memory));
}

static void surfaces(CUmodule module) {
    CUsurfref canvas;
    CUarray array, bound = NULL;
    CUfunction draw;
    CUDA_ARRAY3D_DESCRIPTOR how = {w, h, 0, CU_AD_FORMAT_UNSIGNED_INT32, 1, 0};
    CHECK(cuModuleGetSurfRef(&canvas, module, "canvas"));
    SHOW(cuModuleGetSurfRef(&canvas, module, "image"));
    CHECK(cuModuleGetSurfRef(&canvas, module, "canvas"));
    CHECK(cuArray3DCreate(&array, &how));
    SHOW(cuSurfRefSetArray(canvas, array, 0));
    CHECK(cuArrayDestroy(array));
    how.Flags = CUDA_ARRAY3D_SURFACE_LDST;
    CHECK(cuArray3DCreate(&array, &how));
    CHECK(cuSurfRefSetArray(canvas, array, 0));
    CHECK(cuSurfRefGetArray(&bound, canvas));
    expect(bound == array, "the array of a surface");
    CHECK(cuModuleGetFunction(&draw, module, "draw"));
    CHECK(cuLaunchKernel(draw, 1, 1, 1, w * h, 1, 1, 0, NULL, NULL, NULL));
    unsigned drawn[w * h];
    CHECK(cuMemcpyAtoH(drawn, array, 0, sizeof drawn));
    int ok = 1;
    for (int i = 0; i < w * h; i++) ok = ok && drawn[i] == i * 3u;
    expect(ok, "a surface");
    CHECK(cuArrayDestroy(array));
}

int main(void) {
    CHECK(cuInit(0));
    CUcontext context = make_context(0);
    CUmodule module;
    CUtexref image;
    CHECK(cuModuleLoadData(&module, ptx));
    textures(module);
    surfaces(module);
    CHECK(cuModuleGetTexRef(&image, module, "image"));
    CHECK(cuModuleUnload(module));
    SHOW(cuTexRefSetFlags(image, 0));
    CUlibrary library;
    CHECK(cuLibraryLoadData(&library, ptx, NULL, NULL, 0, NULL, NULL, 0));
    CHECK(cuLibraryGetModule(&module, library));
    CHECK(cuModuleGetTexRef(&image, module, "image"));
    CHECK(cuTexRefSetFlags(image, CU_TRSF_READ_AS_INTEGER));
    CHECK(cuLibraryUnload(library));
    SHOW(cuTexRefSetFlags(image, 0));
    CHECK(cuCtxDestroy(context));
    return finish();
}
