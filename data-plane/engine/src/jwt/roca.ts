/** Primes whose residues tell keys of the flawed generator from others: by chance one key of 2^27 looks like one of its. */
const PRIMES = [
  ...[3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83],
  ...[89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167],
];

/** Of each prime, the residues that the flawed generator gives: the powers of 65537. */
const residues = PRIMES.map((prime) => {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * (65_537 % prime)) % prime) powers.add(power);
  return { prime: BigInt(prime), powers };
});

/** Whether an RSA modulus is of the generator whose keys can be factored (CVE-2017-15361). `modulus`: big-endian, in hexadecimal. */
export function isFactorable(modulus: string): boolean {
  const value = BigInt(`0x${modulus}`);
  return residues.every(({ prime, powers }) => powers.has(Number(value % prime)));
}
