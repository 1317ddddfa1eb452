use dane::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    // now, names comma, record, der files…
    let now: i64 = args[1].parse().unwrap();
    let names: Vec<mail_domain::DomainName> = args[2].split(',').map(|n| n.parse().unwrap()).collect();
    if args[3] == "make" {
        let n: Vec<u8> = args[4].chars().map(|c| c.to_digit(10).unwrap() as u8).collect();
        let der = std::fs::read(&args[5]).unwrap();
        println!("{}", TlsaRecord::of_certificate(n[0].into(), n[1].into(), n[2].into(), &der).unwrap());
        return;
    }
    let set = TlsaSet::new([args[3].parse().unwrap()]);
    let ders: Vec<Vec<u8>> = args[4..].iter().map(|f| std::fs::read(f).unwrap()).collect();
    let chain: Vec<&[u8]> = ders.iter().map(Vec::as_slice).collect();
    let o = verify(&set, &chain, &names, now);
    println!("{} {:?}", if o.is_authenticated() {"OK"} else {"NO"}, o.failures().first().map(|f| &f.cause));
}
