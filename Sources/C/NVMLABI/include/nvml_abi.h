/* The entry points of libnvidia-ml.so.1 that Ferry has, in its own words, and what they ask of the
 * library that they are part of. The ABI is that of NVIDIA's management library; results are its
 * nvmlReturn_t, 0 for success. */
#ifndef FERRY_NVML_ABI_H
#define FERRY_NVML_ABI_H

/* A GPU. */
typedef struct ferry_nvml_device_object *ferry_nvml_device;

/* Bytes of a GPU's memory. */
typedef struct ferry_nvml_memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
} ferry_nvml_memory;

/* The same in version 2: `version` is the structure's size and 2 << 24. */
typedef struct ferry_nvml_memory_v2 {
  unsigned int version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
} ferry_nvml_memory_v2;

/* Percent of the time that was busy. */
typedef struct ferry_nvml_utilization {
  unsigned int gpu;
  unsigned int memory;
} ferry_nvml_utilization;

/* A PCI address; `shortAddress` has a domain of four digits, `address` one of eight. */
typedef struct ferry_nvml_pci {
  char shortAddress[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int deviceID;
  unsigned int subsystemID;
  char address[32];
} ferry_nvml_pci;

/* The part of it that versions 1 and 2 have. */
typedef struct ferry_nvml_pci_v2 {
  char shortAddress[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int deviceID;
  unsigned int subsystemID;
} ferry_nvml_pci_v2;

/* A PCI address and class, version 1 of nvmlDeviceGetPciInfoExt: `version` is the structure's size and
 * 1 << 24. */
typedef struct ferry_nvml_pci_extended {
  unsigned int version;
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int deviceID;
  unsigned int subsystemID;
  unsigned int baseClass;
  unsigned int subClass;
  char address[32];
} ferry_nvml_pci_extended;

/* --- What the functions ask of the library that they are part of, which implements these. All may be
 * called from any thread. */

/* What is known of a GPU. A number that is below 0 is not known, and the call that would give it is
 * answered with "not supported". */
typedef struct ferry_nvml_facts {
  char name[128];         /* with a NUL */
  unsigned char uuid[16]; /* in the order of cuDeviceGetUuid */
  int domain;             /* PCI */
  int bus;
  int device;
  int major; /* compute capability */
  int minor;
  int minorNumber;     /* of the device file */
  int brand;           /* nvmlBrandType_t */
  int busWidth;        /* bits of the memory bus */
  int computeMode;     /* nvmlComputeMode_t */
  int persistenceMode; /* nvmlEnableState_t */
  int displayMode;     /* nvmlEnableState_t */
  int isMultiple;      /* whether other GPUs are on its board */
} ferry_nvml_facts;

/* Bytes of a GPU's memory; they add up to `total`. */
typedef struct ferry_nvml_memory_use {
  unsigned long long total;
  unsigned long long reserved; /* by the driver */
  unsigned long long free;
  unsigned long long used;
} ferry_nvml_memory_use;

/* Makes the GPUs known, if they are not yet; an nvmlReturn_t. */
int ferry_nvml_start(void);
/* How many GPUs there are; below 0 while they are not known. */
int ferry_nvml_count(void);
/* Facts of GPU 0 to count - 1; an nvmlReturn_t. */
int ferry_nvml_describe(unsigned int index, ferry_nvml_facts *facts);
/* Memory of GPU 0 to count - 1; an nvmlReturn_t. */
int ferry_nvml_use(unsigned int index, ferry_nvml_memory_use *use);
/* Whether GPU `index` can use the memory of GPU `peer`, both 0 to count - 1; an nvmlReturn_t. `capability` is
 * an nvmlGpuP2PCapsIndex_t, `status` an nvmlGpuP2PStatus_t. */
int ferry_nvml_peer(unsigned int index, unsigned int peer, int capability, int *status);
/* What cuDriverGetVersion says. */
int ferry_nvml_cuda_version(void);
/* Versions as text with a NUL, at most 80 bytes: of the driver and of the management library; an
 * nvmlReturn_t. */
int ferry_nvml_driver_version(char *text);
int ferry_nvml_library_version(char *text);

/* --- The entry points. */

int nvmlInit(void);
int nvmlInit_v2(void);
int nvmlInitWithFlags(unsigned int flags);
int nvmlShutdown(void);
const char *nvmlErrorString(int result);
int nvmlSystemGetDriverVersion(char *version, unsigned int length);
int nvmlSystemGetNVMLVersion(char *version, unsigned int length);
int nvmlSystemGetCudaDriverVersion(int *version);
int nvmlSystemGetCudaDriverVersion_v2(int *version);
int nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length);
int nvmlDeviceGetCount(unsigned int *count);
int nvmlDeviceGetCount_v2(unsigned int *count);
int nvmlDeviceGetHandleByIndex(unsigned int index, ferry_nvml_device *device);
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, ferry_nvml_device *device);
int nvmlDeviceGetHandleByUUID(const char *uuid, ferry_nvml_device *device);
int nvmlDeviceGetHandleByPciBusId(const char *address, ferry_nvml_device *device);
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, ferry_nvml_device *device);
int nvmlDeviceGetName(ferry_nvml_device device, char *name, unsigned int length);
int nvmlDeviceGetUUID(ferry_nvml_device device, char *uuid, unsigned int length);
int nvmlDeviceGetIndex(ferry_nvml_device device, unsigned int *index);
int nvmlDeviceGetMinorNumber(ferry_nvml_device device, unsigned int *minor);
int nvmlDeviceGetBrand(ferry_nvml_device device, int *brand);
int nvmlDeviceGetPciInfo(ferry_nvml_device device, ferry_nvml_pci_v2 *pci);
int nvmlDeviceGetPciInfo_v2(ferry_nvml_device device, ferry_nvml_pci_v2 *pci);
int nvmlDeviceGetPciInfoExt(ferry_nvml_device device, ferry_nvml_pci_extended *pci);
int nvmlDeviceGetPciInfo_v3(ferry_nvml_device device, ferry_nvml_pci *pci);
int nvmlDeviceGetMemoryInfo(ferry_nvml_device device, ferry_nvml_memory *memory);
int nvmlDeviceGetMemoryInfo_v2(ferry_nvml_device device, ferry_nvml_memory_v2 *memory);
int nvmlDeviceGetCudaComputeCapability(ferry_nvml_device device, int *major, int *minor);
int nvmlDeviceGetArchitecture(ferry_nvml_device device, unsigned int *architecture);
int nvmlDeviceIsMigDeviceHandle(ferry_nvml_device device, unsigned int *isMIG);
int nvmlDeviceGetComputeMode(ferry_nvml_device device, int *mode);
int nvmlDeviceGetPersistenceMode(ferry_nvml_device device, int *mode);
int nvmlDeviceGetDisplayMode(ferry_nvml_device device, int *mode);
int nvmlDeviceGetDisplayActive(ferry_nvml_device device, int *mode);
int nvmlDeviceGetMultiGpuBoard(ferry_nvml_device device, unsigned int *isMultiple);
int nvmlDeviceGetMemoryBusWidth(ferry_nvml_device device, unsigned int *bits);
int nvmlDeviceGetP2PStatus(ferry_nvml_device device, ferry_nvml_device peer, int capability, int *status);
int nvmlDeviceGetComputeRunningProcesses(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetComputeRunningProcesses_v2(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetComputeRunningProcesses_v3(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetGraphicsRunningProcesses(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetGraphicsRunningProcesses_v2(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetGraphicsRunningProcesses_v3(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetMPSComputeRunningProcesses(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetMPSComputeRunningProcesses_v2(ferry_nvml_device device, unsigned int *count, void *processes);
int nvmlDeviceGetMPSComputeRunningProcesses_v3(ferry_nvml_device device, unsigned int *count, void *processes);

/* Known, and answered with "not supported". */
int nvmlDeviceGetSerial(ferry_nvml_device device, char *serial, unsigned int length);
int nvmlDeviceGetVbiosVersion(ferry_nvml_device device, char *version, unsigned int length);
int nvmlDeviceGetBoardPartNumber(ferry_nvml_device device, char *number, unsigned int length);
int nvmlDeviceGetInforomImageVersion(ferry_nvml_device device, char *version, unsigned int length);
int nvmlDeviceGetUtilizationRates(ferry_nvml_device device, ferry_nvml_utilization *utilization);
int nvmlDeviceGetEncoderUtilization(ferry_nvml_device device, unsigned int *percent, unsigned int *period);
int nvmlDeviceGetDecoderUtilization(ferry_nvml_device device, unsigned int *percent, unsigned int *period);
int nvmlDeviceGetTemperature(ferry_nvml_device device, int sensor, unsigned int *degrees);
int nvmlDeviceGetTemperatureV(ferry_nvml_device device, void *temperature);
int nvmlDeviceGetTemperatureThreshold(ferry_nvml_device device, int threshold, unsigned int *degrees);
int nvmlDeviceGetPowerUsage(ferry_nvml_device device, unsigned int *milliwatts);
int nvmlDeviceGetTotalEnergyConsumption(ferry_nvml_device device, unsigned long long *millijoules);
int nvmlDeviceGetEnforcedPowerLimit(ferry_nvml_device device, unsigned int *milliwatts);
int nvmlDeviceGetPowerManagementLimit(ferry_nvml_device device, unsigned int *milliwatts);
int nvmlDeviceGetPowerManagementDefaultLimit(ferry_nvml_device device, unsigned int *milliwatts);
int nvmlDeviceGetPowerManagementLimitConstraints(ferry_nvml_device device, unsigned int *least, unsigned int *most);
int nvmlDeviceGetPowerState(ferry_nvml_device device, int *state);
int nvmlDeviceGetPerformanceState(ferry_nvml_device device, int *state);
int nvmlDeviceGetFanSpeed(ferry_nvml_device device, unsigned int *percent);
int nvmlDeviceGetFanSpeed_v2(ferry_nvml_device device, unsigned int fan, unsigned int *percent);
int nvmlDeviceGetClockInfo(ferry_nvml_device device, int type, unsigned int *megahertz);
int nvmlDeviceGetMaxClockInfo(ferry_nvml_device device, int type, unsigned int *megahertz);
int nvmlDeviceGetApplicationsClock(ferry_nvml_device device, int type, unsigned int *megahertz);
int nvmlDeviceGetCurrentClocksThrottleReasons(ferry_nvml_device device, unsigned long long *reasons);
int nvmlDeviceGetCurrentClocksEventReasons(ferry_nvml_device device, unsigned long long *reasons);
int nvmlDeviceGetEccMode(ferry_nvml_device device, int *current, int *pending);
int nvmlDeviceGetTotalEccErrors(ferry_nvml_device device, int type, int counter, unsigned long long *count);
int nvmlDeviceGetRetiredPages(ferry_nvml_device device, int cause, unsigned int *count, unsigned long long *addresses);
int nvmlDeviceGetBAR1MemoryInfo(ferry_nvml_device device, ferry_nvml_memory *memory);
int nvmlDeviceGetMigMode(ferry_nvml_device device, unsigned int *current, unsigned int *pending);
int nvmlDeviceGetMaxMigDeviceCount(ferry_nvml_device device, unsigned int *count);
int nvmlDeviceGetCurrPcieLinkGeneration(ferry_nvml_device device, unsigned int *generation);
int nvmlDeviceGetCurrPcieLinkWidth(ferry_nvml_device device, unsigned int *width);
int nvmlDeviceGetMaxPcieLinkGeneration(ferry_nvml_device device, unsigned int *generation);
int nvmlDeviceGetMaxPcieLinkWidth(ferry_nvml_device device, unsigned int *width);
int nvmlDeviceGetPcieLinkMaxSpeed(ferry_nvml_device device, unsigned int *speed);
int nvmlDeviceGetPcieThroughput(ferry_nvml_device device, int counter, unsigned int *kilobytes);
int nvmlDeviceGetNvLinkState(ferry_nvml_device device, unsigned int link, int *isActive);
int nvmlDeviceGetNvLinkCapability(ferry_nvml_device device, unsigned int link, int capability, unsigned int *result);
int nvmlDeviceGetNvLinkRemotePciInfo_v2(ferry_nvml_device device, unsigned int link, ferry_nvml_pci *pci);
int nvmlDeviceGetNvLinkRemoteDeviceType(ferry_nvml_device device, unsigned int link, int *type);
int nvmlDeviceGetGpuFabricInfoV(ferry_nvml_device device, void *info);
int nvmlDeviceGetPlatformInfo(ferry_nvml_device device, void *info);
int nvmlDeviceGetFieldValues(ferry_nvml_device device, int count, void *values);
int nvmlDeviceGetCpuAffinity(ferry_nvml_device device, unsigned int size, unsigned long *set);
int nvmlDeviceSetCpuAffinity(ferry_nvml_device device);
int nvmlDeviceClearCpuAffinity(ferry_nvml_device device);
int nvmlDeviceGetCpuAffinityWithinScope(ferry_nvml_device device, unsigned int size, unsigned long *set, unsigned int scope);
int nvmlDeviceGetMemoryAffinity(ferry_nvml_device device, unsigned int size, unsigned long *set, unsigned int scope);
int nvmlDeviceGetNumaNodeId(ferry_nvml_device device, unsigned int *node);
int nvmlDeviceGetNumGpuCores(ferry_nvml_device device, unsigned int *count);
int nvmlDeviceGetAttributes_v2(ferry_nvml_device device, void *attributes);
int nvmlDeviceGetTopologyCommonAncestor(ferry_nvml_device device, ferry_nvml_device other, int *level);
int nvmlDeviceGetNvLinkVersion(ferry_nvml_device device, unsigned int link, unsigned int *version);
int nvmlDeviceGetNvLinkRemotePciInfo(ferry_nvml_device device, unsigned int link, ferry_nvml_pci_v2 *pci);
int nvmlDeviceGetMigDeviceHandleByIndex(ferry_nvml_device device, unsigned int index, ferry_nvml_device *mig);
int nvmlDeviceGetGspFirmwareVersion(ferry_nvml_device device, char *version);
int nvmlDeviceGetVirtualizationMode(ferry_nvml_device device, int *mode);
int nvmlSystemGetConfComputeState(void *state);
int nvmlSystemGetConfComputeSettings(void *settings);

#endif
