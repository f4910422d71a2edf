/* What the lane engine of the software GPU needs and Swift cannot say: the layout of an instruction
 * and of a running warp (handlers are C functions, so their arguments must be C types), vector
 * primitives that Swift does not vectorise, and atomic operations on device memory. */
#pragma once
#include "lane_textures.h"
#include "lane_machine.h"
#include "lane_vectors.h"
#include "lane_floats.h"
#include "lane_atomics.h"
#include "lane_functions.h"
