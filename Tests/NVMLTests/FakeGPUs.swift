import NVMLABI
