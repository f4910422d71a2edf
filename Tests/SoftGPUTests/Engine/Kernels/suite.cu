#include <cstdio>
#include <cassert>
extern "C" {
__global__ void vecAdd(const float*a,const float*b,float*c,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i<n)c[i]=a[i]+b[i];}
__global__ void saxpy(int n,float a,const float*x,float*y){for(int i=blockIdx.x*blockDim.x+threadIdx.x;i<n;i+=gridDim.x*blockDim.x)y[i]=a*x[i]+y[i];}
__global__ void matmulTiled(const float*A,const float*B,float*C,int N){__shared__ float a[16][16],b[16][16]; int tx=threadIdx.x,ty=threadIdx.y,r=blockIdx.y*16+ty,c=blockIdx.x*16+tx; float s=0; for(int t=0;t<N/16;t++){a[ty][tx]=A[r*N+t*16+tx]; b[ty][tx]=B[(t*16+ty)*N+c]; __syncthreads(); for(int k=0;k<16;k++)s+=a[ty][k]*b[k][tx]; __syncthreads();} C[r*N+c]=s;}
__global__ void warpSum(const int*in,int*out,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; int v=i<n?in[i]:0; for(int o=16;o;o>>=1)v+=__shfl_down_sync(0xffffffffu,v,o); if((threadIdx.x&31)==0)atomicAdd(out,v);}
__global__ void histogram(const unsigned char*in,unsigned*out,int n){__shared__ unsigned h[256]; for(int i=threadIdx.x;i<256;i+=blockDim.x)h[i]=0; __syncthreads(); for(int i=blockIdx.x*blockDim.x+threadIdx.x;i<n;i+=gridDim.x*blockDim.x)atomicAdd(&h[in[i]],1u); __syncthreads(); for(int i=threadIdx.x;i<256;i+=blockDim.x)atomicAdd(&out[i],h[i]);}
__global__ void transpose(const float*in,float*out,int w,int h){__shared__ float t[32][33]; int x=blockIdx.x*32+threadIdx.x,y=blockIdx.y*32+threadIdx.y; for(int j=0;j<32;j+=8) if(x<w&&y+j<h) t[threadIdx.y+j][threadIdx.x]=in[(y+j)*w+x]; __syncthreads(); x=blockIdx.y*32+threadIdx.x; y=blockIdx.x*32+threadIdx.y; for(int j=0;j<32;j+=8) if(x<h&&y+j<w) out[(y+j)*h+x]=t[threadIdx.x][threadIdx.y+j];}
__global__ void prefixSum(const int*in,int*out,int n){extern __shared__ int s[]; int t=threadIdx.x; s[t]=t<n?in[t]:0; __syncthreads(); for(int d=1;d<blockDim.x;d*=2){int v=t>=d?s[t-d]:0; __syncthreads(); s[t]+=v; __syncthreads();} if(t<n)out[t]=s[t];}
__global__ void collatz(const unsigned*in,unsigned*out,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i>=n)return; unsigned long long v=in[i]; unsigned c=0; while(v!=1){ if(v&1){v=3*v+1; if(c>100000)break;} else v>>=1; c++; if(c%97==96)continue; } out[i]=c;}
}
__device__ __noinline__ int fib(int n){ if(n<2)return n; return fib(n-1)+fib(n-2);}
struct Big{int a[5]; double d;};
__device__ __noinline__ Big mix(Big b,int k){ for(int i=0;i<5;i++)b.a[i]+=k*i; b.d*=k; return b;}
typedef int (*Op)(int,int);
__device__ __noinline__ int opAdd(int a,int b){return a+b;} __device__ __noinline__ int opMul(int a,int b){return a*b;} __device__ __noinline__ int opSub(int a,int b){return a-b;}
__device__ Op table[3]={opAdd,opMul,opSub};
__device__ int counter=7; __constant__ int factors[4]={2,3,5,7};
__device__ int lockWord;
extern "C" {
__global__ void recursion(int*out){out[threadIdx.x]=fib(threadIdx.x%12);}
__global__ void structs(Big b,double*out){int t=threadIdx.x; Big r=mix(b,t); double s=r.d; for(int i=0;i<5;i++)s+=r.a[i]; out[t]=s;}
__global__ void pointers(int*out){int t=threadIdx.x; out[t]=table[t%3](t,t+1);}
__global__ void globals(int*out){int t=threadIdx.x; out[t]=factors[t%4]*counter; if(t==0)atomicAdd(&counter,1);}
__global__ void locals(const int*in,int*out,int k){int a[32]; int t=threadIdx.x; for(int i=0;i<32;i++)a[i]=in[(t+i)%32]; int s=0; for(int i=0;i<32;i++){int j=(a[i]^k)&31; a[j]+=i; s=s*31+a[j];} out[t]=s;}
__global__ void printer(int n,const char*s){int t=threadIdx.x; if(t<n)printf("t=%d %5.2f|%-6s|%x %c %lld %%\n",t,t*1.5,s,255+t,'a'+t,(long long)t*1000000007LL);}
__global__ void asserts(int n){assert(threadIdx.x<n && "too many");}
__global__ void outOfBounds(int*p,int n){p[threadIdx.x+n]=1;}
__global__ void misaligned(char*p){*(int*)(p+threadIdx.x)=1;}
__global__ void sharedOut(int*out,int k){__shared__ int s[32]; s[threadIdx.x+k]=threadIdx.x; __syncthreads(); out[threadIdx.x]=s[31-threadIdx.x];}
__global__ void spinLock(int*count){ bool done=false; while(!done){ if(atomicCAS(&lockWord,0,1)==0){ *(volatile int*)count=*(volatile int*)count+1; __threadfence(); atomicExch(&lockWord,0); done=true; } } }
__global__ void producer(volatile int*flag,int*data){ if(blockIdx.x==0){ if(threadIdx.x==0){ while(*flag<(int)gridDim.x-1); *data=123; } } else if(threadIdx.x==0){ __threadfence(); atomicAdd((int*)flag,1);} }
__global__ void trapping(int k){ if(threadIdx.x==k) asm volatile("trap;"); }
__global__ void endless(int*p){ while(*(volatile int*)p==0); }
__global__ void infinite(){ asm volatile("{ L: bra L; }"); }
__global__ void deepRecursion(int*out,int n){ out[0]=fib(n)+fib(n+1); }
__global__ void mallocs(int**p,int n){ int*q=(int*)malloc(4*n); if(q){for(int i=0;i<n;i++)q[i]=threadIdx.x*i;} p[threadIdx.x]=q; }
__global__ void frees(int**p,int*out,int n){ int s=0; int*q=p[threadIdx.x]; for(int i=0;i<n;i++)s+=q[i]; out[threadIdx.x]=s; free(q);}
__global__ void barrierReduce(const int*in,int*out){ int t=threadIdx.x; int c=__syncthreads_count(in[t]); int a=__syncthreads_and(in[t]); int o=__syncthreads_or(in[t]); out[t]=c*4+(a?2:0)+(o?1:0);}
__global__ void votes(const int*in,unsigned*out){ int t=threadIdx.x; unsigned b=__ballot_sync(~0u,in[t]>3); unsigned m=__match_any_sync(~0u,in[t]&7); int al=__all_sync(~0u,in[t]<100), an=__any_sync(~0u,in[t]==5); out[t]=b^(m*3)^(al<<1)^an; }
__global__ void earlyExit(int*out){ int t=threadIdx.x; if(t%3==0)return; __syncthreads(); out[t]=t; }
__global__ void vectors4(const float4*in,float4*out,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i<n){float4 v=in[i]; out[i]=make_float4(v.w,v.z,v.y,v.x);} }
__global__ void doubles(const double*x,double*y,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i<n)y[i]=sqrt(x[i])/(1.0+x[i])+fma(x[i],x[i],-1.0);}
__global__ void switches(const int*in,int*out,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i>=n)return; int r; switch(in[i]){case 0:r=10;break;case 1:r=21;break;case 2:r=32;break;case 3:r=43;break;case 4:r=54;break;case 5:r=65;break;case 9:r=1;break;default:r=-1;} out[i]=r;}
__global__ void integers(const long long*a,const long long*b,long long*out,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i<n)out[i]=a[i]/b[i]+a[i]%b[i]*3+__mul64hi(a[i],b[i])+(long long)__umul64hi(a[i],b[i])+__popcll(a[i])+__clzll(b[i])+__ffsll(a[i]);}
__global__ void bytes(const unsigned char*a,signed char*b,short*c,int n){int i=blockIdx.x*blockDim.x+threadIdx.x; if(i<n){b[i]=(signed char)(a[i]*3); c[i]=(short)(a[i]*257-1000);} }
}
