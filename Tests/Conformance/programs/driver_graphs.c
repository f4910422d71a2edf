// CUDA graphs of the driver API: what nodes, edges, executable graphs and captures tell of themselves.
#include "driver.h"
#include "driver_kernels.h"

#include <stdint.h>
#include <unistd.h>

#if CUDA_VERSION >= 13000
#define ADD_DEPENDENCIES(graph, from, to, count) cuGraphAddDependencies(graph, from, to, NULL, count)
#define ADD_NODE(node, graph, params) cuGraphAddNode(node, graph, NULL, NULL, 0, params)
#define GET_EDGES(graph, from, to, count) cuGraphGetEdges(graph, from, to, NULL, count)
#define GET_DEPENDENCIES(node, nodes, count) cuGraphNodeGetDependencies(node, nodes, NULL, count)
#else
#define ADD_DEPENDENCIES(graph, from, to, count) cuGraphAddDependencies(graph, from, to, count)
#define ADD_NODE(node, graph, params) cuGraphAddNode(node, graph, NULL, 0, params)
#define GET_EDGES(graph, from, to, count) cuGraphGetEdges(graph, from, to, count)
#define GET_DEPENDENCIES(node, nodes, count) cuGraphNodeGetDependencies(node, nodes, count)
#endif

enum { n = 1000 };

static float in[n], out[n];
static CUdeviceptr d_in, d_out;
static CUcontext context;
static CUfunction scale_add, grid_sum;

static CUDA_KERNEL_NODE_PARAMS kernel_params(CUfunction function, void **arguments) {
    CUDA_KERNEL_NODE_PARAMS params;
    memset(&params, 0, sizeof params);
    params.func = function;
    params.gridDimX = 8, params.gridDimY = params.gridDimZ = 1;
    params.blockDimX = 128, params.blockDimY = params.blockDimZ = 1;
    params.kernelParams = arguments;
    return params;
}

static int is_scaled(const float *values, float factor) {
    int equal = 1;
    for (int i = 0; i < n; i++) equal = equal && values[i] == fmaf(in[i], factor, 1);
    return equal;
}

static void explicit_graph(void) {
    CUgraph graph;
    CUgraphNode upload, scale, download, clear, empty;
    CHECK(cuGraphCreate(&graph, 0));
    CUDA_MEMCPY3D copy;
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_HOST, copy.srcHost = in;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE, copy.dstDevice = d_in;
    copy.WidthInBytes = sizeof in, copy.Height = copy.Depth = 1;
    CHECK(cuGraphAddMemcpyNode(&upload, graph, NULL, 0, &copy, context));
    CUDA_MEMSET_NODE_PARAMS zero;
    memset(&zero, 0, sizeof zero);
    zero.dst = d_out, zero.elementSize = 4, zero.width = n, zero.height = 1;
    CHECK(cuGraphAddMemsetNode(&clear, graph, NULL, 0, &zero, context));
    float factor = 3;
    int count = n;
    void *arguments[] = {&d_out, &d_in, &factor, &count};
    CUDA_KERNEL_NODE_PARAMS params = kernel_params(scale_add, arguments);
    CUgraphNode before[] = {upload, clear};
    CHECK(cuGraphAddKernelNode(&scale, graph, before, 2, &params));
    CHECK(cuGraphAddEmptyNode(&empty, graph, NULL, 0));
    CHECK(ADD_DEPENDENCIES(graph, &scale, &empty, 1));
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE, copy.srcDevice = d_out;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST, copy.dstHost = out;
    CHECK(cuGraphAddMemcpyNode(&download, graph, &empty, 1, &copy, context));
    // What it was given may change at once.
    memset(&copy, 0xFF, sizeof copy);
    memset(&zero, 0xFF, sizeof zero);
    factor = 0;

    size_t nodes = 0, roots = 9, edges = 9, dependencies = 9;
    CHECK(cuGraphGetNodes(graph, NULL, &nodes));
    CUgraphNode found[9], from[9], to[9];
    CHECK(cuGraphGetRootNodes(graph, found, &roots));
    expect(nodes == 5 && roots == 2 && found[0] == upload && found[1] == clear && found[2] == NULL,
           "nodes and roots");
    CHECK(GET_EDGES(graph, from, to, &edges));
    expect(edges == 4 && from[4] == NULL, "edges");
    CHECK(GET_DEPENDENCIES(scale, found, &dependencies));
    expect(dependencies == 2 && found[0] == upload && found[1] == clear, "dependencies");
    SHOW(ADD_DEPENDENCIES(graph, &scale, &empty, 1));

    CUgraphExec ready;
    CHECK(cuGraphInstantiate(&ready, graph, 0));
    memset(out, 0, sizeof out);
    CHECK(cuGraphLaunch(ready, NULL));
    CHECK(cuStreamSynchronize(NULL));
    expect(is_scaled(out, 3), "the graph was launched");
    for (int i = 0; i < n; i++) in[i] = -in[i];
    CHECK(cuGraphUpload(ready, NULL));
    CHECK(cuGraphLaunch(ready, NULL));
    CHECK(cuStreamSynchronize(NULL));
    expect(is_scaled(out, 3), "with other memory");

    CUDA_KERNEL_NODE_PARAMS asked;
    CHECK(cuGraphKernelNodeGetParams(scale, &asked));
    expect(asked.gridDimX == 8 && asked.blockDimX == 128 && *(float *)asked.kernelParams[2] == 3 &&
               *(int *)asked.kernelParams[3] == n,
           "parameters of a kernel node");
    factor = 5;
    CHECK(cuGraphExecKernelNodeSetParams(ready, scale, &params));
    CHECK(cuGraphLaunch(ready, NULL));
    CHECK(cuStreamSynchronize(NULL));
    expect(is_scaled(out, 5), "another factor");
    unsigned enabled = 9;
    CHECK(cuGraphNodeSetEnabled(ready, scale, 0));
    CHECK(cuGraphNodeGetEnabled(ready, scale, &enabled));
    CHECK(cuGraphLaunch(ready, NULL));
    CHECK(cuStreamSynchronize(NULL));
    expect(enabled == 0 && out[7] == 0, "a node that is switched off");
    CHECK(cuGraphExecDestroy(ready));

    CHECK(ADD_DEPENDENCIES(graph, &download, &upload, 1));
    SHOW(cuGraphInstantiate(&ready, graph, 0));
    CHECK(cuGraphDestroyNode(empty));
    CHECK(cuGraphInstantiate(&ready, graph, 0));
    CHECK(cuGraphExecDestroy(ready));
    CHECK(cuGraphDestroy(graph));
}

static void captured(void) {
    CUstream stream, other;
    CUevent fork, join;
    CUgraph graph;
    CUgraphExec ready;
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&fork, CU_EVENT_DISABLE_TIMING));
    CHECK(cuEventCreate(&join, CU_EVENT_DISABLE_TIMING));
    CHECK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CHECK(cuMemsetD32Async(d_out, 0, 4, stream));
    CHECK(cuEventRecord(fork, stream));
    CHECK(cuStreamWaitEvent(other, fork, 0));
    CUstreamCaptureStatus status;
    CHECK(cuStreamIsCapturing(other, &status));
    expect(status == CU_STREAM_CAPTURE_STATUS_ACTIVE, "the other stream is captured");
    void *arguments[] = {&d_out};
    CHECK(cuLaunchKernel(grid_sum, 4, 1, 1, 8, 1, 1, 0, stream, arguments, NULL));
    CHECK(cuLaunchCooperativeKernel(grid_sum, 2, 1, 1, 8, 1, 1, 0, other, arguments));
    CHECK(cuEventRecord(join, other));
    CHECK(cuStreamWaitEvent(stream, join, 0));
    CHECK(cuMemcpyDtoHAsync(out, d_out, 4, stream));
    CHECK(cuStreamEndCapture(stream, &graph));
    CHECK(cuGraphInstantiate(&ready, graph, 0));
    int equal = 1;
    for (int i = 0; i < 20; i++) {
        unsigned count = 0;
        CHECK(cuGraphLaunch(ready, i % 2 ? stream : other));
        CHECK(cuStreamSynchronize(i % 2 ? stream : other));
        memcpy(&count, out, 4);
        equal = equal && count == 48;
    }
    expect(equal, "launched in either stream");

    // The launch of a graph, captured.
    CUgraph outer;
    CUgraphExec nested;
    CHECK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    CHECK(cuGraphLaunch(ready, stream));
    CHECK(cuStreamEndCapture(stream, &outer));
    CUgraphNode node;
    CUgraphNodeType type;
    size_t count = 1;
    CHECK(cuGraphGetNodes(outer, &node, &count));
    CHECK(cuGraphNodeGetType(node, &type));
    expect(count == 1 && type == CU_GRAPH_NODE_TYPE_GRAPH, "a graph as a node");
    memset(out, 0, sizeof out);
    CHECK(cuGraphInstantiate(&nested, outer, 0));
    CHECK(cuGraphLaunch(nested, stream));
    CHECK(cuStreamSynchronize(stream));
    unsigned sum = 0;
    memcpy(&sum, out, 4);
    expect(sum == 48, "and launched");

    CHECK(cuGraphExecDestroy(nested));
    CHECK(cuGraphExecDestroy(ready));
    CHECK(cuGraphDestroy(outer));
    CHECK(cuGraphDestroy(graph));
    CHECK(cuStreamDestroy(stream));
    CHECK(cuStreamDestroy(other));
}

// A graph that becomes a node of another one, itself and no copy: its nodes stay what they are.
static void moved(void) {
    CHECK(cuMemcpyHtoD(d_in, in, sizeof in));
    CUgraph child, parent, last;
    CUgraphNode scale, node, outer, other;
    float factor = 3;
    int count = n;
    void *arguments[] = {&d_out, &d_in, &factor, &count};
    CUDA_KERNEL_NODE_PARAMS params = kernel_params(scale_add, arguments);
    CHECK(cuGraphCreate(&child, 0));
    CHECK(cuGraphCreate(&parent, 0));
    CHECK(cuGraphCreate(&last, 0));
    CHECK(cuGraphAddKernelNode(&scale, child, NULL, 0, &params));
    // CUgraphNodeParams: the type, then from byte 16 on the graph and who owns it, which older headers do not know.
    CUgraphNodeParams moving;
    memset(&moving, 0, sizeof moving);
    moving.type = CU_GRAPH_NODE_TYPE_GRAPH;
    moving.graph.graph = child;
    int ownership = 1;
    memcpy((char *)&moving + 24, &ownership, sizeof ownership);
    SHOW(ADD_NODE(&other, child, &moving));
    SHOW(ADD_NODE(&node, parent, &moving));
    CUgraph found = NULL;
    SHOW(cuGraphChildGraphNodeGetGraph(node, &found));
    expect(found == child, "its graph is the one that was moved");
    SHOW(ADD_NODE(&other, last, &moving));
    SHOW(cuGraphAddChildGraphNode(&other, last, NULL, 0, child));
    SHOW(cuGraphDestroy(child));
    CUgraphExec exec;
    SHOW(cuGraphInstantiate(&exec, child, 0));
    moving.graph.graph = parent;
    SHOW(ADD_NODE(&other, child, &moving));
    SHOW(ADD_NODE(&outer, last, &moving));
    SHOW(cuGraphInstantiate(&exec, last, 0));
    for (int turn = 0; turn < 2; turn++) {
        CHECK(cuGraphLaunch(exec, NULL));
        CHECK(cuCtxSynchronize());
        CHECK(cuMemcpyDtoH(out, d_out, sizeof out));
        expect(is_scaled(out, factor), turn == 0 ? "a kernel in the innermost graph" : "the same with other parameters");
        factor = 5;
        if (turn == 0) SHOW(cuGraphExecKernelNodeSetParams(exec, scale, &params));
    }
    CHECK(cuGraphExecDestroy(exec));
    SHOW(cuGraphDestroy(last));
    size_t nodes = 9;
    SHOW(cuGraphGetNodes(parent, NULL, &nodes));
    SHOW(cuGraphGetNodes(child, NULL, &nodes));
    CUgraphNodeType type;
    SHOW(cuGraphNodeGetType(scale, &type));
}

static void destroy_object(void *flag) { *(volatile int *)flag += 1; }

static void user_objects(void) {
    static volatile int destroyed;
    CUuserObject object;
    CUgraph graph;
    CUgraphExec ready;
    CHECK(cuUserObjectCreate(&object, (void *)&destroyed, destroy_object, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
    CHECK(cuGraphCreate(&graph, 0));
    CHECK(cuGraphRetainUserObject(graph, object, 1, CU_GRAPH_USER_OBJECT_MOVE));
    CHECK(cuGraphInstantiate(&ready, graph, 0));
    CHECK(cuGraphDestroy(graph));
    CHECK(cuGraphLaunch(ready, NULL));
    CHECK(cuStreamSynchronize(NULL));
    expect(destroyed == 0, "an object that an executable graph holds");
    CHECK(cuGraphExecDestroy(ready));
    for (int i = 0; i < 2000 && destroyed == 0; i++) usleep(5000);
    expect(destroyed == 1, "an object that nobody holds");
}

int main(int argc, char **argv) {
    CUdevice device;
    CUmodule module;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    context = make_context(device);
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    CHECK(cuModuleGetFunction(&scale_add, module, "scale_add"));
    CHECK(cuModuleGetFunction(&grid_sum, module, "grid_sum"));
    CHECK(cuMemAlloc(&d_in, sizeof in));
    CHECK(cuMemAlloc(&d_out, sizeof out));
    for (int i = 0; i < n; i++) in[i] = (float)(i % 31) - 11;
    if (argc > 1 && strcmp(argv[1], "objects") == 0) {
        user_objects();
    } else if (argc > 1 && strcmp(argv[1], "moved") == 0) {
        moved();
    } else {
        explicit_graph();
        captured();
    }
    return finish();
}
