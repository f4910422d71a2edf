// Nodes whose graphs are run as kernels say.
#include "driver.h"

#if CUDA_VERSION >= 13000
#define ADD_NODE(node, graph, before, count, parameters) cuGraphAddNode(node, graph, before, NULL, count, parameters)
#else
#define ADD_NODE(node, graph, before, count, parameters) cuGraphAddNode(node, graph, before, count, parameters)
#endif

/// add(out, n): out[0] += n.  set(value, handle): the handle gets value[0].
/// count_down(counter, handle): one less while there is something left, and whether there is.
static const char source[] =
    ".version 7.0\n"
    ".target sm_75\n"
    ".address_size 64\n"
    ".extern .func cudaGraphSetConditional(.param .b64 a, .param .b32 b);\n"
    ".visible .entry add(.param .u64 out, .param .u32 n)\n"
    "{\n"
    "  .reg .b32 %r<4>;\n"
    "  .reg .b64 %rd<3>;\n"
    "  ld.param.u64 %rd1, [out];\n"
    "  cvta.to.global.u64 %rd2, %rd1;\n"
    "  ld.param.u32 %r1, [n];\n"
    "  ld.global.u32 %r2, [%rd2];\n"
    "  add.s32 %r3, %r2, %r1;\n"
    "  st.global.u32 [%rd2], %r3;\n"
    "  ret;\n"
    "}\n"
    ".visible .entry set(.param .u64 value, .param .u64 handle)\n"
    "{\n"
    "  .reg .b32 %r<2>;\n"
    "  .reg .b64 %rd<4>;\n"
    "  ld.param.u64 %rd1, [value];\n"
    "  cvta.to.global.u64 %rd2, %rd1;\n"
    "  ld.param.u64 %rd3, [handle];\n"
    "  ld.global.u32 %r1, [%rd2];\n"
    "  {\n"
    "    .param .b64 a;\n"
    "    .param .b32 b;\n"
    "    st.param.b64 [a], %rd3;\n"
    "    st.param.b32 [b], %r1;\n"
    "    call.uni cudaGraphSetConditional, (a, b);\n"
    "  }\n"
    "  ret;\n"
    "}\n"
    ".visible .entry count_down(.param .u64 counter, .param .u64 handle)\n"
    "{\n"
    "  .reg .pred %p;\n"
    "  .reg .b32 %r<4>;\n"
    "  .reg .b64 %rd<4>;\n"
    "  ld.param.u64 %rd1, [counter];\n"
    "  cvta.to.global.u64 %rd2, %rd1;\n"
    "  ld.param.u64 %rd3, [handle];\n"
    "  ld.global.u32 %r1, [%rd2];\n"
    "  min.u32 %r2, %r1, 1;\n"
    "  sub.u32 %r3, %r1, %r2;\n"
    "  st.global.u32 [%rd2], %r3;\n"
    "  {\n"
    "    .param .b64 a;\n"
    "    .param .b32 b;\n"
    "    st.param.b64 [a], %rd3;\n"
    "    st.param.b32 [b], %r3;\n"
    "    call.uni cudaGraphSetConditional, (a, b);\n"
    "  }\n"
    "  ret;\n"
    "}\n";

static CUcontext context;
static CUmodule module;
static CUfunction add, set, count_down;
static CUdeviceptr total, value;
static CUstream stream;

static unsigned read_word(CUdeviceptr address) {
    unsigned word = 99;
    CHECK(cuMemcpyDtoH(&word, address, 4));
    return word;
}

static void write_word(CUdeviceptr address, unsigned word) { CHECK(cuMemcpyHtoD(address, &word, 4)); }

static CUgraphNode kernel(CUgraph graph, CUgraphNode before, CUfunction function, CUdeviceptr first, const void *second) {
    CUDA_KERNEL_NODE_PARAMS k;
    memset(&k, 0, sizeof k);
    void *parameters[] = {&first, (void *)second};
    k.func = function;
    k.gridDimX = k.gridDimY = k.gridDimZ = k.blockDimX = k.blockDimY = k.blockDimZ = 1;
    k.kernelParams = parameters;
    CUgraphNode node;
    CHECK(cuGraphAddKernelNode(&node, graph, &before, before ? 1 : 0, &k));
    return node;
}

static void adds(CUgraph graph, CUgraphNode before, unsigned n) { kernel(graph, before, add, total, &n); }

static CUresult conditional(CUgraphNode *node, CUgraph graph, CUgraphNode before, CUgraphConditionalHandle handle,
                            CUgraphConditionalNodeType type, unsigned size, CUgraph *bodies) {
    CUgraphNodeParams p;
    memset(&p, 0, sizeof p);
    p.type = CU_GRAPH_NODE_TYPE_CONDITIONAL;
    p.conditional.handle = handle;
    p.conditional.type = type;
    p.conditional.size = size;
    p.conditional.ctx = context;
    CUresult result = ADD_NODE(node, graph, &before, before ? 1 : 0, &p);
    if (result == CUDA_SUCCESS)
        for (unsigned k = 0; k < size; k++) bodies[k] = p.conditional.phGraph_out[k];
    return result;
}

static CUgraphConditionalHandle handle_of(CUgraph graph, unsigned launch_value, unsigned flags) {
    CUgraphConditionalHandle handle = 0;
    CHECK(cuGraphConditionalHandleCreate(&handle, graph, context, launch_value, flags));
    return handle;
}

/// Runs a graph and returns what it has added up.
static unsigned run(CUgraphExec exec) {
    write_word(total, 0);
    CHECK(cuGraphLaunch(exec, stream));
    CHECK(cuStreamSynchronize(stream));
    return read_word(total);
}

static void loops(void) {
    CUgraph graph, body;
    CUgraphNode node, first;
    CUgraphExec exec;
    CHECK(cuGraphCreate(&graph, 0));
    CUgraphConditionalHandle handle = handle_of(graph, 1, CU_GRAPH_COND_ASSIGN_DEFAULT);
    CHECK(conditional(&node, graph, NULL, handle, CU_GRAPH_COND_TYPE_WHILE, 1, &body));
    unsigned one = 1;
    first = kernel(body, NULL, add, total, &one);
    kernel(body, first, count_down, value, &handle);
    adds(graph, node, 100);
    CUgraphNodeType type;
    CHECK(cuGraphNodeGetType(node, &type));
    expect(type == CU_GRAPH_NODE_TYPE_CONDITIONAL, "the type of the node");
    size_t count = 0;
    CHECK(cuGraphGetNodes(body, NULL, &count));
    expect(count == 2, "nodes of the graph inside");
    CHECK(cuGraphGetNodes(graph, NULL, &count));
    expect(count == 2, "nodes of the graph outside");
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    write_word(value, 5);
    expect(run(exec) == 105, "a loop that is run five times");
    expect(run(exec) == 101, "each launch begins with the value");
    write_word(value, 3);
    CHECK(cuGraphDestroy(graph));
    expect(run(exec) == 103, "also without the graph");
    write_word(value, 1000);
    expect(run(exec) == 1100, "a long loop");
    CHECK(cuGraphExecDestroy(exec));
}

static void keeps(void) {
    CUgraph graph, body;
    CUgraphNode node;
    CUgraphExec exec;
    CHECK(cuGraphCreate(&graph, 0));
    CUgraphConditionalHandle handle = handle_of(graph, 0, CU_GRAPH_COND_ASSIGN_DEFAULT);
    CUgraphNode before = kernel(graph, NULL, set, value, &handle);
    CHECK(conditional(&node, graph, before, handle, CU_GRAPH_COND_TYPE_IF, 1, &body));
    adds(body, NULL, 7);
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    write_word(value, 1);
    expect(run(exec) == 7, "what is chosen");
    write_word(value, 0);
    expect(run(exec) == 0, "what is not");
    write_word(value, 12);
    expect(run(exec) == 7, "any value but 0");
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
}

static void selections(void) {
    CUgraph graph, bodies[3];
    CUgraphNode node;
    CUgraphExec exec;
    CHECK(cuGraphCreate(&graph, 0));
    CUgraphConditionalHandle handle = handle_of(graph, 0, 0);
    CUgraphNode before = kernel(graph, NULL, set, value, &handle);
    CHECK(conditional(&node, graph, before, handle, CU_GRAPH_COND_TYPE_SWITCH, 3, bodies));
    for (unsigned k = 0; k < 3; k++) adds(bodies[k], NULL, 1u << k);
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    for (unsigned k = 0; k < 4; k++) {
        write_word(value, k);
        expect(run(exec) == (k < 3 ? 1u << k : 0), "one of three, or none");
    }
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
    CHECK(cuGraphCreate(&graph, 0));
    handle = handle_of(graph, 0, 0);
    before = kernel(graph, NULL, set, value, &handle);
    CHECK(conditional(&node, graph, before, handle, CU_GRAPH_COND_TYPE_IF, 2, bodies));
    adds(bodies[0], NULL, 10);
    adds(bodies[1], NULL, 20);
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    write_word(value, 1);
    expect(run(exec) == 10, "if");
    write_word(value, 0);
    expect(run(exec) == 20, "else");
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
}

/// A choice within a loop.
static void nested(void) {
    CUgraph graph, outer, inner;
    CUgraphNode node, choice;
    CUgraphExec exec;
    CHECK(cuGraphCreate(&graph, 0));
    CUgraphConditionalHandle loop = handle_of(graph, 1, CU_GRAPH_COND_ASSIGN_DEFAULT);
    CHECK(conditional(&node, graph, NULL, loop, CU_GRAPH_COND_TYPE_WHILE, 1, &outer));
    CUgraphConditionalHandle handle = handle_of(outer, 0, 0);
    CUgraphNode first = kernel(outer, NULL, set, value, &handle);
    CHECK(conditional(&choice, outer, first, handle, CU_GRAPH_COND_TYPE_IF, 1, &inner));
    adds(inner, NULL, 1);
    kernel(outer, choice, count_down, value, &loop);
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    write_word(value, 4);
    expect(run(exec) == 4, "a choice within a loop");
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
}

static CUresult capture_info(CUgraph *graph, const CUgraphNode **nodes, size_t *count) {
    CUstreamCaptureStatus status;
    cuuint64_t identifier;
#if CUDA_VERSION >= 13000
    return cuStreamGetCaptureInfo(stream, &status, &identifier, graph, nodes, NULL, count);
#else
    return cuStreamGetCaptureInfo_v2(stream, &status, &identifier, graph, nodes, count);
#endif
}

static CUresult continue_behind(CUgraphNode *node) {
#if CUDA_VERSION >= 13000
    return cuStreamUpdateCaptureDependencies(stream, node, NULL, 1, CU_STREAM_SET_CAPTURE_DEPENDENCIES);
#else
    return cuStreamUpdateCaptureDependencies(stream, node, 1, CU_STREAM_SET_CAPTURE_DEPENDENCIES);
#endif
}

/// As NVIDIA's Warp does: a capture goes on behind a loop, whose graph is captured from another stream.
static void captured(void) {
    CUgraph graph, filled, body;
    CUgraphNode node;
    CUgraphExec exec;
    CUstream side;
    const CUgraphNode *before;
    size_t count;
    unsigned n = 1;
    CHECK(cuStreamCreate(&side, CU_STREAM_NON_BLOCKING));
    CHECK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    void *adding[] = {&total, &n};
    CHECK(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, stream, adding, NULL));
    CHECK(capture_info(&filled, &before, &count));
    CUgraphConditionalHandle handle = handle_of(filled, 0, 0);
    void *setting[] = {&value, &handle};
    CHECK(cuLaunchKernel(set, 1, 1, 1, 1, 1, 1, 0, stream, setting, NULL));
    CHECK(capture_info(&filled, &before, &count));
    expect(count == 1, "one node comes before");
    CHECK(conditional(&node, filled, before[0], handle, CU_GRAPH_COND_TYPE_WHILE, 1, &body));
    CHECK(continue_behind(&node));
    CHECK(cuStreamBeginCaptureToGraph(side, body, NULL, NULL, 0, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    n = 10;
    CHECK(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, side, adding, NULL));
    CHECK(cuLaunchKernel(count_down, 1, 1, 1, 1, 1, 1, 0, side, setting, NULL));
    CUgraph ended;
    CHECK(cuStreamEndCapture(side, &ended));
    expect(ended == body, "a capture fills the graph of the loop");
    n = 100;
    CHECK(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, stream, adding, NULL));
    CHECK(cuStreamEndCapture(stream, &graph));
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    write_word(value, 3);
    expect(run(exec) == 131, "a loop in a capture");
    expect(run(exec) == 101, "and not once more");
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
    CHECK(cuStreamDestroy(side));
}

static void changes(void) {
    CUgraph graphs[2], body;
    CUgraphNode node;
    CUgraphExec exec;
    CUgraphExecUpdateResultInfo info;
    for (unsigned k = 0; k < 2; k++) {
        CHECK(cuGraphCreate(&graphs[k], 0));
        CUgraphConditionalHandle handle = handle_of(graphs[k], 1, CU_GRAPH_COND_ASSIGN_DEFAULT);
        CHECK(conditional(&node, graphs[k], NULL, handle, CU_GRAPH_COND_TYPE_IF, 1, &body));
        adds(body, NULL, 1 + k);
    }
    CHECK(cuGraphInstantiate(&exec, graphs[0], 0));
    expect(run(exec) == 1, "before a change");
    CUresult result = cuGraphExecUpdate(exec, graphs[1], &info);
    // NVIDIA's driver may refuse that.
    expect(result != CUDA_SUCCESS || run(exec) == 2, "and after it");
    CHECK(cuGraphExecDestroy(exec));
    for (unsigned k = 0; k < 2; k++) CHECK(cuGraphDestroy(graphs[k]));
}

static void refused(void) {
    CUgraph graph, body;
    CUgraphNode node;
    CUgraphExec exec;
    CHECK(cuGraphCreate(&graph, 0));
    CUgraphConditionalHandle handle = handle_of(graph, 0, 0);
    expect(cuGraphInstantiate(&exec, graph, 0) != CUDA_SUCCESS, "a handle that no node looks at");
    SHOW(conditional(&node, graph, NULL, handle, CU_GRAPH_COND_TYPE_WHILE, 2, &body));
    SHOW(conditional(&node, graph, NULL, handle, CU_GRAPH_COND_TYPE_IF, 0, &body));
    SHOW(conditional(&node, graph, NULL, handle, (CUgraphConditionalNodeType)3, 1, &body));
    CHECK(conditional(&node, graph, NULL, handle, CU_GRAPH_COND_TYPE_IF, 1, &body));
    SHOW(cuGraphDestroy(body));
    SHOW(cuGraphConditionalHandleCreate(NULL, graph, context, 0, 0));
    SHOW(cuGraphConditionalHandleCreate(&handle, graph, context, 0, 2));
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    expect(run(exec) == 0, "a graph that is empty");
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroyNode(node));
    SHOW(cuGraphGetNodes(body, NULL, &(size_t){0}));
    CHECK(cuGraphDestroy(graph));
}

int main(void) {
    CUdevice device;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    context = make_context(device);
    CHECK(cuModuleLoadData(&module, source));
    CHECK(cuModuleGetFunction(&add, module, "add"));
    CHECK(cuModuleGetFunction(&set, module, "set"));
    CHECK(cuModuleGetFunction(&count_down, module, "count_down"));
    CHECK(cuMemAlloc(&total, 4));
    CHECK(cuMemAlloc(&value, 4));
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    loops();
    keeps();
    selections();
    nested();
    captured();
    changes();
    refused();
    CHECK(cuCtxDestroy(context));
    return finish();
}
